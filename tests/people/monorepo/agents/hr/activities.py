import usage
