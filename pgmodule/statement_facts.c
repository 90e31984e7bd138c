/*-------------------------------------------------------------------------
 *
 * statement_facts.c
 *	  What indexes could do for a statement, as the planner itself sees it.
 *
 * The statement is planned, and each table that the planner makes paths for is
 * looked at when it has them (set_rel_pathlist_hook): the clauses that came
 * down to it, what it is joined by, the orders that are wanted of it, the
 * columns that are read.  Names, views, subqueries, constants and equivalences
 * are resolved by then, so that nothing here parses SQL.
 *
 * A clause serves an index as match_clause_to_indexcol (indxpath.c) has it: an
 * expression of this table alone, an operator of a family, a comparand that is
 * none of this table's and does not change.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_class.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "hypothetical.h"

PG_FUNCTION_INFO_V1(dbarch_statement_facts);

/* One look at a statement; NULL: nobody looks. */
typedef struct Look
{
	ReturnSetInfo *result;
	int			instance;		/* the table's number among those of the statement, from 1 */
	Oid			table;
	PlannerInfo *root;
	RelOptInfo *rel;
	int			alternative;	/* the number of the OR that is gone through, or 0 */
	int			n_alternatives;
} Look;

static Look *look = NULL;
static set_rel_pathlist_hook_type previous_hook = NULL;

enum
{
	N_FACTS = 8,
	MOST_NAMED_VALUES = 100,	/* of a column that has states, not data */
	RARER = 2,					/* than the average value */
	FEW_ROWS = 10
};

static void
tell(const char *role, int number, const char *key, const char *type, const char *detail, double share)
{
	Datum		values[N_FACTS];
	bool		nulls[N_FACTS] = {false};

	values[0] = Int32GetDatum(look->instance);
	values[1] = ObjectIdGetDatum(look->table);
	values[2] = CStringGetTextDatum(role);
	values[3] = Int32GetDatum(number);
	values[4] = key ? CStringGetTextDatum(key) : (Datum) 0;
	values[5] = type ? CStringGetTextDatum(type) : (Datum) 0;
	values[6] = detail ? CStringGetTextDatum(detail) : (Datum) 0;
	values[7] = Float8GetDatum(share);
	nulls[4] = !key;
	nulls[5] = !type;
	nulls[6] = !detail;
	tuplestore_putvalues(look->result->setResult, look->result->setDesc, values, nulls);
}

/* ---- keys and comparands ---- */

static Node *
strip(Node *node)
{
	while (node && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* Has it nothing but columns of this table, and always the same value for them? */
static bool
is_key(Node *node)
{
	node = strip(node);
	if (!node || !bms_equal(pull_varnos(look->root, node), look->rel->relids))
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varattno > 0;
	return !contain_mutable_functions(node) && !contain_subplans(node) && !contain_agg_clause(node) && !contain_window_function(node) &&
		!expression_returns_set(node) && pull_vars_of_level(node, 1) == NIL && !pull_paramids((Expr *) node);
}

/* A value that is there before the table is read. */
static bool
is_comparand(Node *node)
{
	return !bms_overlap(pull_varnos(look->root, node), look->rel->relids) && !contain_volatile_functions(node);
}

static bool
is_of_others(Node *node)
{
	return !bms_is_empty(pull_varnos(look->root, node));
}

static char *
deparse(Node *node)
{
	Node	   *own = copyObject(node);

	if (look->rel->relid != 1)
		ChangeVarNodes(own, look->rel->relid, 1, 0);
	return deparse_expression(own, deparse_context_for(get_rel_name(look->table), look->table), false, false);
}

/* As CREATE INDEX takes it. */
static char *
key_text(Node *node)
{
	node = strip(node);
	if (IsA(node, Var))
		return pstrdup(quote_identifier(get_attname(look->table, ((Var *) node)->varattno, false)));
	return psprintf("(%s)", deparse(node));
}

static char *
type_text(Node *node)
{
	return format_type_be(exprType(strip(node)));
}

static char *
constant_text(Node *node)
{
	Const	   *constant = (Const *) strip(node);
	Oid			output;
	bool		varlena;

	if (!constant || !IsA(constant, Const) || constant->constisnull)
		return NULL;
	getTypeOutputInfo(constant->consttype, &output, &varlena);
	return OidOutputFunctionCall(output, constant->constvalue);
}

/* ---- operators ---- */

/* The operator class of the family that takes the type: "gin", or "gin gin_trgm_ops" where it is not the default. */
static char *
class_text(Oid method, Oid family, Oid type)
{
	Oid			usual = GetDefaultOpClass(type, method);
	CatCList   *all;
	char	   *found = NULL;

	if (OidIsValid(usual) && get_opclass_family(usual) == family)
		return get_am_name(method);
	all = SearchSysCacheList1(CLAAMNAMENSP, ObjectIdGetDatum(method));
	for (int i = 0; i < all->n_members && !found; i++)
	{
		Form_pg_opclass class = (Form_pg_opclass) GETSTRUCT(&all->members[i]->tuple);

		if (class->opcfamily == family && IsBinaryCoercible(type, class->opcintype))
			found = psprintf("%s %s", get_am_name(method), quote_identifier(NameStr(class->opcname)));
	}
	ReleaseSysCacheList(all);
	return found;
}

/* Families of all access methods in which the operator is one to search or to order by; a fact of each.  Are there any? */
static bool
tell_families(const char *role, char purpose, Oid operator, Node *key, const char *with, double share)
{
	CatCList   *all = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(operator));
	char	   *text = key_text(key);
	char	   *type = type_text(key);
	bool		any = false;

	for (int i = 0; i < all->n_members; i++)
	{
		Form_pg_amop entry = (Form_pg_amop) GETSTRUCT(&all->members[i]->tuple);
		char	   *class = entry->amoppurpose == purpose ? class_text(entry->amopmethod, entry->amopfamily, exprType(strip(key))) : NULL;
		const char *kind = role;

		if (!class)
			continue;
		if ((entry->amopmethod == BTREE_AM_OID || entry->amopmethod == HASH_AM_OID) && strchr(class, ' '))
			continue;			/* what the default class serves, no other is wanted for */
		if (entry->amopmethod == BTREE_AM_OID)
			kind = entry->amopstrategy == BTEqualStrategyNumber ? "equal" : "range";
		else if (entry->amopmethod == HASH_AM_OID)
			kind = "hash";
		tell(psprintf("%s%s", with, kind), look->alternative, text, type, class, share);
		any = true;
	}
	ReleaseSysCacheList(all);
	return any;
}

/* LIKE and its kin, which btrees serve by their prefix: pattern operators are in no family of theirs (like_support.c). */
static void
tell_pattern(Oid operator, Node *key, Node *comparand, double share)
{
	char	   *name = get_opname(operator);

	if (name && (strcmp(name, "~~") == 0 || strcmp(name, "~") == 0 || strcmp(name, "^@") == 0))
		tell("pattern", look->alternative, key_text(key), type_text(key), constant_text(comparand), share);
}

static const char *
word_of_operator(Oid operator, const char *role)
{
	return strcmp(role, "in-") == 0 ? "in" : get_opname(operator);
}

/* What a parameter is to a key: "=", "<" ..., "in" for a list of values, "set" for a new one. */
static void
tell_value(Node *value, const char *word, const char *key)
{
	ListCell   *cell;

	value = strip(value);
	if (IsA(value, FuncExpr) && ((FuncExpr *) value)->funcformat != COERCE_EXPLICIT_CALL && list_length(((FuncExpr *) value)->args) > 0)
		value = strip(linitial(((FuncExpr *) value)->args));	/* cast to the length of the column */
	if (IsA(value, Param) && ((Param *) value)->paramkind == PARAM_EXTERN)
		tell("parameter", ((Param *) value)->paramid, key, format_type_be(((Param *) value)->paramtype), word, 1);
	else if (IsA(value, ArrayExpr))
		foreach(cell, ((ArrayExpr *) value)->elements)
			tell_value(lfirst(cell), "=", key);
}

static void
tell_parameter(Node *comparand, const char *word, Node *key)
{
	tell_value(comparand, word, key_text(key));
}

static double
share_of(Node *clause)
{
	return clause_selectivity(look->root, clause, look->rel->relid, JOIN_INNER, NULL);
}

static void
look_at_comparison(Oid operator, Node *left, Node *right, const char *role, Node *clause)
{
	if (!OidIsValid(operator) || !is_key(left) || !is_comparand(right))
		return;
	(void) tell_families("match", AMOP_SEARCH, operator, left, psprintf("%s%s", is_of_others(right) ? "join-" : "", role), share_of(clause));
	tell_pattern(operator, left, right, share_of(clause));
	tell_parameter(right, word_of_operator(operator, role), left);
}

static void look_at_clause(Node *clause);

static void
look_at_rows(RowCompareExpr *compare)
{
	ListCell   *left,
			   *right;
	int			n = 0;

	forboth(left, compare->largs, right, compare->rargs)
	{
		if (!is_key(lfirst(left)) || !is_comparand(lfirst(right)))
			return;
		tell("row", ++n, key_text(lfirst(left)), type_text(lfirst(left)), NULL, share_of((Node *) compare));
		tell_parameter(lfirst(right), ">", lfirst(left));
	}
}

static void
look_at_alternatives(List *clauses)
{
	ListCell   *cell;
	int			outer = look->alternative;

	if (!outer)
		look->alternative = ++look->n_alternatives;
	foreach(cell, clauses)
		look_at_clause(lfirst(cell));
	look->alternative = outer;
}

static void
look_at_clause(Node *clause)
{
	ListCell   *cell;

	check_stack_depth();
	if (IsA(clause, RestrictInfo))
		clause = (Node *) ((RestrictInfo *) clause)->clause;
	if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
	{
		OpExpr	   *expression = (OpExpr *) clause;

		look_at_comparison(expression->opno, linitial(expression->args), lsecond(expression->args), "", clause);
		look_at_comparison(get_commutator(expression->opno), lsecond(expression->args), linitial(expression->args), "", clause);
	}
	else if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr)
	{
		ScalarArrayOpExpr *expression = (ScalarArrayOpExpr *) clause;

		look_at_comparison(expression->opno, linitial(expression->args), lsecond(expression->args), "in-", clause);
	}
	else if (IsA(clause, NullTest) && is_key((Node *) ((NullTest *) clause)->arg))
		tell("null", look->alternative, key_text((Node *) ((NullTest *) clause)->arg), type_text((Node *) ((NullTest *) clause)->arg),
			 ((NullTest *) clause)->nulltesttype == IS_NULL ? "is null" : "is not null", share_of(clause));
	else if (IsA(clause, RowCompareExpr))
		look_at_rows((RowCompareExpr *) clause);
	else if (is_orclause(clause))
		look_at_alternatives(((BoolExpr *) clause)->args);
	else if (is_andclause(clause))
		foreach(cell, ((BoolExpr *) clause)->args)
			look_at_clause(lfirst(cell));
	else if (is_notclause(clause) && IsA(get_notclausearg(clause), Var) && is_key((Node *) get_notclausearg(clause)))
		tell("equal", look->alternative, key_text((Node *) get_notclausearg(clause)), "boolean", "btree", share_of(clause));
	else if (exprType(clause) == BOOLOID && IsA(clause, Var) && is_key(clause))
		tell("equal", look->alternative, key_text(clause), "boolean", "btree", share_of(clause));
}

/* ---- joins, orders, columns ---- */

/* The equivalence class's member that is of this table alone. */
static EquivalenceMember *
member_of(EquivalenceClass *class)
{
	ListCell   *cell;

	foreach(cell, class->ec_members)
	{
		EquivalenceMember *member = lfirst(cell);

		if (!member->em_is_const && bms_equal(member->em_relids, look->rel->relids) && is_key((Node *) member->em_expr))
			return member;
	}
	return NULL;
}

static void
look_at_joins(void)
{
	ListCell   *cell;

	foreach(cell, look->root->eq_classes)
	{
		EquivalenceClass *class = lfirst_node(EquivalenceClass, cell);
		EquivalenceMember *member;
		double		rows = look->rel->tuples;
		VariableStatData variable;
		bool		isdefault;

		if (class->ec_has_const || class->ec_has_volatile || bms_membership(class->ec_relids) != BMS_MULTIPLE)
			continue;
		member = member_of(class);
		if (!member)
			continue;
		examine_variable(look->root, (Node *) member->em_expr, look->rel->relid, &variable);
		tell("join-equal", 0, key_text((Node *) member->em_expr), type_text((Node *) member->em_expr), "btree",
			 rows > 0 ? 1 / get_variable_numdistinct(&variable, &isdefault) : 1);
		ReleaseVariableStats(variable);
	}
	foreach(cell, look->rel->joininfo)
		look_at_clause(lfirst(cell));
}

static bool
descends(const PathKey *key)
{
#if PG_VERSION_NUM >= 180000
	return key->pk_cmptype == COMPARE_GT;
#else
	return key->pk_strategy == BTGreaterStrategyNumber;
#endif
}

/* The part of an order that this table alone can give. */
static void
look_at_order(const char *role, List *keys)
{
	ListCell   *cell;
	int			n = 0;

	foreach(cell, keys)
	{
		PathKey    *key = lfirst_node(PathKey, cell);
		EquivalenceMember *member = member_of(key->pk_eclass);
		Node	   *expression = member ? (Node *) member->em_expr : NULL;

		if (!member)
			return;
		if (IsA(expression, OpExpr) && list_length(((OpExpr *) expression)->args) == 2)
		{
			OpExpr	   *distance = (OpExpr *) expression;

			if (is_key(linitial(distance->args)) && is_comparand(lsecond(distance->args)) &&
				tell_families("match", AMOP_ORDER, distance->opno, linitial(distance->args), "distance-", 1))
				return;			/* the distance from another point is another key */
		}
		tell(role, ++n, key_text(expression), type_text(expression),
			 descends(key) ? (key->pk_nulls_first ? "desc" : "desc nulls last") : (key->pk_nulls_first ? "nulls first" : ""), 1);
	}
}

/* A distance from a value that is computed when the statement runs is no key: its order is looked at by itself. */
static void
look_at_distances(void)
{
	ListCell   *cell;

	foreach(cell, look->root->sort_pathkeys)
	{
		ListCell   *inner;

		foreach(inner, lfirst_node(PathKey, cell)->pk_eclass->ec_members)
		{
			EquivalenceMember *member = lfirst(inner);
			OpExpr	   *distance = (OpExpr *) member->em_expr;

			if (!IsA(distance, OpExpr) || list_length(distance->args) != 2 || is_key((Node *) distance))
				continue;
			if (is_key(linitial(distance->args)) && is_comparand(lsecond(distance->args)))
				(void) tell_families("match", AMOP_ORDER, distance->opno, linitial(distance->args), "distance-", 1);
		}
		return;
	}
}

/* What a scan of the index alone would have to hold (check_index_only, indxpath.c). */
static void
look_at_columns(void)
{
	Bitmapset  *columns = NULL;
	ListCell   *cell;
	int			number = -1;

	pull_varattnos((Node *) look->rel->reltarget->exprs, look->rel->relid, &columns);
	foreach(cell, look->rel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, cell)->clause, look->rel->relid, &columns);
	while ((number = bms_next_member(columns, number)) >= 0)
	{
		AttrNumber	attribute = number + FirstLowInvalidHeapAttributeNumber;

		if (attribute > 0)
			tell("needed", attribute, quote_identifier(get_attname(look->table, attribute, false)), format_type_be(get_atttype(look->table, attribute)),
				 NULL, 1);
		else
			tell("needed", 0, "*", NULL, NULL, 1);
	}
}

/* Of a list. */
static double
number_of_values(Node *list)
{
	list = strip(list);
	if (IsA(list, Const) && !((Const *) list)->constisnull)
	{
		ArrayType  *array = DatumGetArrayTypeP(((Const *) list)->constvalue);

		return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	}
	return 1;
}

/*
 * Would an application always say it so?  A test for null and of a boolean and
 * a comparison of columns, yes.  A value that is much rarer than the others of
 * its column is most likely one of the application's own ("open", "failed");
 * one like all others is a parameter's, another one tomorrow.
 */
static const char *
constancy_of(Node *clause)
{
	Node	   *key;
	VariableStatData variable;
	bool		isdefault;
	double		distinct;
	double		values = 1;
	double		share;

	if (IsA(clause, NullTest) || IsA(clause, BooleanTest) || IsA(clause, Var) || is_notclause(clause))
		return "always";
	if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
	{
		if (is_key(linitial(((OpExpr *) clause)->args)) && is_key(lsecond(((OpExpr *) clause)->args)))
			return "always";
		if (!op_mergejoinable(((OpExpr *) clause)->opno, exprType(linitial(((OpExpr *) clause)->args))))
			return "today";
		key = linitial(((OpExpr *) clause)->args);
	}
	else if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr)
		key = linitial(((ScalarArrayOpExpr *) clause)->args);
	else
		return "today";
	examine_variable(look->root, key, look->rel->relid, &variable);
	distinct = get_variable_numdistinct(&variable, &isdefault);
	ReleaseVariableStats(variable);
	if (IsA(clause, ScalarArrayOpExpr))
		values = number_of_values(lsecond(((ScalarArrayOpExpr *) clause)->args));
	share = share_of(clause);
	if (share * look->rel->tuples < FEW_ROWS)	/* nobody has it */
		return "today";
	return isdefault || distinct > MOST_NAMED_VALUES || share > values / distinct / RARER ? "today" : "always";
}

/* Clauses that a partial index could have as its predicate. */
static void
look_at_predicates(void)
{
	ListCell   *cell;

	foreach(cell, look->rel->baserestrictinfo)
	{
		Node	   *clause = (Node *) lfirst_node(RestrictInfo, cell)->clause;

		if (!contain_mutable_functions(clause) && !contain_subplans(clause) && !pull_paramids((Expr *) clause) &&
			bms_equal(pull_varnos(look->root, clause), look->rel->relids))
			tell("predicate", 0, deparse(clause), NULL, constancy_of(clause), share_of(clause));
	}
}

/* A child of a partitioned table has its parent's indexes; that of a UNION ALL, and a table that inherits, has its own. */
static bool
is_looked_at(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	if (rte->rtekind != RTE_RELATION || rte->relid < FirstNormalObjectId || rte->tablesample)
		return false;
	if (rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_MATVIEW && rte->relkind != RELKIND_PARTITIONED_TABLE)
		return false;
	if (rel->reloptkind == RELOPT_OTHER_MEMBER_REL)
	{
		RangeTblEntry *parent = planner_rt_fetch(root->append_rel_array[rel->relid]->parent_relid, root);

		return parent->rtekind != RTE_RELATION || parent->relkind != RELKIND_PARTITIONED_TABLE;
	}
	return rel->reloptkind == RELOPT_BASEREL;
}

static void
look_at_table(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	ListCell   *cell;

	if (previous_hook)
		previous_hook(root, rel, rti, rte);
	if (!look || !is_looked_at(root, rel, rte))
		return;
	look->instance++;
	look->table = rte->relid;
	look->root = root;
	look->rel = rel;
	look->alternative = look->n_alternatives = 0;
	tell("table", 0, NULL, NULL, rte->eref ? rte->eref->aliasname : NULL, rel->tuples > 0 ? Min(rel->rows / rel->tuples, 1) : 1);
	foreach(cell, rel->baserestrictinfo)
		look_at_clause(lfirst(cell));
	look_at_joins();
	look_at_order("order", root->sort_pathkeys);
	look_at_order("group", root->group_pathkeys);
	look_at_order("distinct", root->distinct_pathkeys);
	look_at_order("window", root->window_pathkeys);
	look_at_distances();
	look_at_columns();
	look_at_predicates();
}

/* ---- what a statement writes ---- */

static const char *
word_of(CmdType command)
{
	switch (command)
	{
		case CMD_INSERT:
			return "insert";
		case CMD_UPDATE:
			return "update";
		case CMD_DELETE:
			return "delete";
		default:
			return NULL;
	}
}

static void
look_at_writing(CmdType command, List *targets)
{
	ListCell   *cell;
	const char *word = word_of(command);

	if (!word)
		return;
	tell(word, 0, NULL, NULL, NULL, 1);
	foreach(cell, command == CMD_UPDATE ? targets : NIL)
	{
		TargetEntry *target = lfirst_node(TargetEntry, cell);

		const char *column;

		if (target->resjunk || target->resno <= 0)
			continue;
		column = quote_identifier(get_attname(look->table, target->resno, false));
		tell("updated", target->resno, column, NULL, NULL, 1);
		tell_value((Node *) target->expr, "set", column);
	}
}

static void
look_at_query(Query *query)
{
	ListCell   *cell;

	check_stack_depth();
	foreach(cell, query->cteList)
		if (IsA(lfirst_node(CommonTableExpr, cell)->ctequery, Query))
			look_at_query((Query *) lfirst_node(CommonTableExpr, cell)->ctequery);
	if (query->resultRelation == 0)
		return;
	look->instance++;
	look->table = rt_fetch(query->resultRelation, query->rtable)->relid;
	look_at_writing(query->commandType, query->targetList);
	foreach(cell, query->commandType == CMD_MERGE ? query->mergeActionList : NIL)
		look_at_writing(lfirst_node(MergeAction, cell)->commandType, lfirst_node(MergeAction, cell)->targetList);
	if (query->onConflict && query->onConflict->action == ONCONFLICT_UPDATE)
		look_at_writing(CMD_UPDATE, query->onConflict->onConflictSet);
}

/* The types of the statement's parameters. */
static void
look_at_parameters(const Oid *types, int n)
{
	for (int i = 0; i < n; i++)
		tell("parameter-type", i + 1, NULL, OidIsValid(types[i]) ? format_type_be(types[i]) : "text", NULL, 1);
}

/*
 * dbarch_twin.statement_facts(number): one row a fact.  `number` tells the
 * place in an order or a list, or which OR a clause is an alternative of.
 */
Datum
dbarch_statement_facts(PG_FUNCTION_ARGS)
{
	Look		own = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	const Oid  *types;
	int			n_types;
	List	   *queries = dbarch_take_queries(PG_GETARG_INT32(0), &types, &n_types);
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	look = &own;
	PG_TRY();
	{
		look_at_parameters(types, n_types);
		foreach(cell, queries)
		{
			look_at_query(lfirst_node(Query, cell));
			pg_plan_query(lfirst_node(Query, cell), "", CURSOR_OPT_PARALLEL_OK, NULL);
		}
	}
	PG_FINALLY();
	{
		look = NULL;
	}
	PG_END_TRY();
	return (Datum) 0;
}

void
dbarch_statement_facts_init(void)
{
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = look_at_table;
}
