# Your own make targets; the Makefile includes this file, and `make help` shows what has a text like this one:
#
# report: ## count the lines of the application
# 	@find app -name '*.py' | xargs cat | wc -l
