select object, problem from failed order by object
