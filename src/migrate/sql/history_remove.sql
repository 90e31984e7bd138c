delete from dbarch.migrations where label = $1
