select 1;
select naïve ☃ from , x;
