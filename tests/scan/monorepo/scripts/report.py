print("nothing of an agent")
