// SPDX-License-Identifier: Apache-2.0
// The table of verbs.
#include "verb/verb.h"

static const char *const review_options[] = {"stub",   "as",     "workload", "out",   "force",    "rule", "object",  "budget",
                                             "no-lab", "grow",   "at",       "since", "format",   "json", "fail-on", "receipts",
                                             "cold",   "dbname", "host",     "port",  "username", NULL};
static const char *const survey_options[] = {"as",   "workload", "output", "force", "with-values", "redact", "no-values",
                                             "json", "dbname",   "host",   "port",  "username",    NULL};
static const char *const lab_options[] = {"yes",      "clients", "rate",   "sample", "mask",   "no-mask",  "time", "stub", "as",
                                          "workload", "grow",    "at",     "since",  "format", "json",     "rows", "size", "budget",
                                          "cold",     "seed",    "dbname", "host",   "port",   "username", NULL};
static const char *const capacity_options[] = {"stub", "as",     "grow", "at",   "since",    "no-lab", "format",
                                               "json", "dbname", "host", "port", "username", NULL};
static const char *const index_options[] = {"stub",   "as",   "workload", "size", "why",  "keep",     "forbid", "per-table", "sizes",
                                            "prove",  "rows", "seed",     "grow", "at",   "since",    "out",    "force",     "budget",
                                            "format", "json", "dbname",   "host", "port", "username", NULL};
static const char *const migrate_options[] = {"to",
                                              "override",
                                              "lock-timeout",
                                              "statement-timeout",
                                              "tries",
                                              "wait",
                                              "exit-code",
                                              "backup-dir",
                                              "backup-lock",
                                              "confirm",
                                              "rate",
                                              "replica",
                                              "workload",
                                              "clients",
                                              "rows",
                                              "size",
                                              "seed",
                                              "stub",
                                              "time",
                                              "dbname",
                                              "host",
                                              "port",
                                              "username",
                                              "fix",
                                              "survey",
                                              "no-lab",
                                              "from",
                                              "layout",
                                              "budget",
                                              "out",
                                              "force",
                                              "format",
                                              "json",
                                              "fail-on",
                                              NULL};
#define TARGET "dbname host port username layout"
#define RUNS TARGET " to override lock-timeout statement-timeout tries wait backup-dir backup-lock confirm no-lab"
#define CI " format json fail-on"
static const DbaVerbWord migrate_words[] = {
    {"lint", "[FOLDER]", "which statements make others wait, for how long, and how the same is done without: seen in a lab",
     "layout from survey no-lab rows budget fix out" CI, true},
    {"verify", "[FOLDER]", "every migration up, down and up again in a lab, catalogs and rows compared",
     "layout from budget fix force out no-lab" CI, true},
    {"rehearse", "[FOLDER] -d TARGET | --survey FILE --from MIGRATION",
     "what is pending, on a stand-in of production, beside clients with its workload",
     TARGET " from to survey workload clients rate time replica rows size seed stub lock-timeout statement-timeout tries out" CI, true},
    {"drift", "[FOLDER] -d TARGET", "what was changed by hand there, what adopts it, what takes it back", TARGET " fix" CI, true},
    {"status", "[FOLDER] -d TARGET", "what was run there, what is pending, what is not as it should be", TARGET " exit-code format json",
     false},
    {"up", "[FOLDER] -d TARGET", "runs what is pending", RUNS, false},
    {"down", "[FOLDER] -d TARGET", "undoes the newest, or with --to all that are newer", RUNS, false},
    {"redo", "[FOLDER] -d TARGET", "undoes the newest and runs it again", RUNS, false},
    {"baseline", "[FOLDER] -d TARGET --to MIGRATION", "writes down as run what a target has already", TARGET " to override wait", false},
    {"new", "NAME ...", "a new pair, or a file of the layout that is there", "out layout", false},
    {"import", "FOLDER --out FOLDER", "another layout as pairs", "out layout force", false},
    {0}};
#undef TARGET
#undef RUNS
#undef CI
static const char *const ledger_options[] = {"rule", "object", "because", "until", "format", "json", NULL};
static const char *const doctor_options[] = {"install", "yes", "offline", "dbname", "host", "port", "username", NULL};

const DbaVerb dba_verbs[] = {
    {"review", true, "[SUBJECT]", "everything over one subject: one verdict, one report, one set of migrations", review_options,
     "Reads the subject, lets every advisor look at it, proves what they propose on a private server, and writes\n"
     "report.html, findings.json and migrations/ to --out.  The subject itself is only read.\n\n"
     "  dbarch review examples/shop\n"
     "  dbarch review postgresql://reader@replica.example/shop\n"
     "  dbarch review dump.sql --format json --fail-on must-fix\n"
     "  dbarch review survey.json --rule fk-without-index\n"
     "  dbarch review -d shop --at 365d --since shop-in-may.json.gz      (which plans will turn)\n",
     dba_verb_review, true},
    {"index", true, "[SUBJECT]", "the best set of indexes for a whole workload, at every budget", index_options,
     "Plans the workload in a twin of the subject, with and without indexes that are not there.  The workload is --workload's, else what "
     "the\n"
     "subject tells (pg_stat_statements, files named workload*.sql).\n\n"
     "  dbarch index -d shop\n"
     "  dbarch index shop.json.gz --workload statements.sql --size 500MB,2GB\n"
     "  dbarch index -d shop --why 'orders(status)'       (why it is chosen, or why not)\n"
     "  dbarch index -d shop --prove                     (build it on rows like yours, and measure)\n"
     "  dbarch index -d shop --out indexes               (migrations of the set, tried)\n",
     dba_verb_index, false},
    {"migrate", true, "lint|verify|rehearse|up|down ...", "migrations: tried up, down and up again before they are trusted",
     migrate_options,
     "Reads pairs of .up.sql and .down.sql, and the files of golang-migrate, diesel, dbmate, goose, sql-migrate, node-pg-migrate, tern,\n"
     "Flyway and sqitch, as they are.  FOLDER: migrations/ or db/migrations/ when none is named.\n\n"
     "  dbarch migrate lint [FOLDER]              which statements make others wait, seen in a lab; --no-lab: from the text\n"
     "  dbarch migrate lint --fix                 writes what does the same without waiting, where that was tried\n"
     "  dbarch migrate lint --survey shop.json.gz only where production's tables are large enough to matter\n"
     "  dbarch migrate verify [FOLDER]            every one up, down and up again in a lab, catalogs and rows compared\n"
     "  dbarch migrate verify --fix               writes undos that were found and tried, where there is none\n"
     "  dbarch migrate verify --from 042          those before it are run and not judged\n"
     "  dbarch migrate verify --format github     annotations of a pull request; also gitlab, sarif, junit, md, json\n"
     "  dbarch migrate rehearse -d shop           what is pending there, on a stand-in, beside clients with its workload\n"
     "  dbarch migrate rehearse --survey shop.json.gz --from 042     the same without production at hand\n"
     "  dbarch migrate status -d shop             what was run there, what is pending, what is not as it should be\n"
     "  dbarch migrate up -d shop                 what is pending, safely; --to 045, --override rehearsal=\"tried on staging\"\n"
     "  dbarch migrate drift -d shop              what was changed by hand there, what adopts it, what takes it back\n"
     "  dbarch migrate down -d shop               undoes the newest (--to 040: all that are newer); redo, baseline --to 040\n"
     "  dbarch migrate new add orders             a new pair, or a file of the layout that is there\n"
     "  dbarch migrate import db/flyway --out migrations     another layout as pairs\n",
     dba_verb_migrate, true, migrate_words},
    {"doctor", true, "[SUBJECT]", "what is installed, missing, permitted; how to get it", doctor_options,
     "Says which servers, extensions and caches are there and what is missing, and, for a live SUBJECT, what its role may\n"
     "read and which grants would help.  Exits with 0 only when a review could run.\n\n"
     "  dbarch doctor\n"
     "  dbarch doctor -d shop\n"
     "  dbarch doctor --install            (asks before it downloads; --yes does not)\n",
     dba_verb_doctor, false},
    {"survey", false, "[SUBJECT] -o survey.json.gz", "all that can be read from a subject, in one file", survey_options,
     "Every verb reads the file back offline.  Production values in it (common values, histograms, literals of statements) are\n"
     "disguised so that plans stay the same: other values in the same order.  A FILE that does not end in .json is compressed.\n\n"
     "  dbarch survey -d shop -o shop.json.gz\n"
     "  dbarch survey -d shop --with-values -o shop.json      (as they are: production data)\n"
     "  dbarch lab twin shop.json.gz\n",
     dba_verb_survey, false},
    {"capacity", false, "[SUBJECT]", "what it will need: tables, indexes, WAL, memory", capacity_options,
     "Sizes of today and of each horizon: tables at their density, indexes built in thought, WAL a day, memory for what serves\n"
     "95 % of all reads.  Rates come from the counters, or from an earlier survey.\n\n"
     "  dbarch capacity -d shop\n"
     "  dbarch capacity shop.json.gz --since last-month.json.gz --at 2027-06-30\n"
     "  dbarch capacity examples/shop --grow 10x\n",
     dba_verb_capacity, false},
    {"lab", false, "start|psql|twin|stand-in|what-if|measure|load ...", "the private server", lab_options,
     "  dbarch lab start                   starts one and leaves it running\n"
     "  dbarch lab status                  what is running\n"
     "  dbarch lab psql [NAME] [options]   psql in it, with psql's own options\n"
     "  dbarch lab url [NAME]              its connection string\n"
     "  dbarch lab stop [NAME|--all]       removes it\n"
     "  dbarch lab run -- CMD ...          starts one, runs CMD with PGHOST, PGUSER and DATABASE_URL set, removes it\n"
     "  dbarch lab twin SUBJECT            a database that plans as the subject does, without its rows\n"
     "  dbarch lab stand-in SUBJECT        a database with rows like the subject's, made from its statistics\n"
     "                                     (--sample: rows of a live subject itself, personal values masked)\n"
     "  dbarch lab what-if SUBJECT SQL ... plans with indexes supposed (CREATE INDEX) and hidden (DROP INDEX)\n"
     "  dbarch lab what-if SUBJECT --grow 10x   which plans flip when the tables have grown (--at DATE: at the rates of today)\n"
     "  dbarch lab measure SUBJECT SQL ... what a change gains: statements run before and after it, on rows\n"
     "  dbarch lab load SUBJECT [SQL ...]  clients that run the workload, and what a change does to them\n",
     dba_verb_lab, false},
    {"ledger", false, "list|show|add ...", "what was decided, learned and left open, as Markdown in your repository", ledger_options,
     "Entries are files in ledger/, beside dbarch.yaml or here.  A decision with --rule settles the findings of that rule: review and\n"
     "migrate say \"accepted on 2026-03-02\" instead of asking again.\n\n"
     "  dbarch ledger                      all entries\n"
     "  dbarch ledger show undo-of-012     one, by a part of its file's name\n"
     "  dbarch ledger add decision \"the audit log needs no key\" --rule no-primary-key --object audit.log --because \"append only\"\n"
     "  dbarch ledger add learning \"VACUUM of orders takes 40 min\"      also issue\n",
     dba_verb_ledger, false},
    {0},
};
