# The database in development: `make dev` runs beside a PostgreSQL of its own, whose data stays in .postgres/, unless
# DATABASE_URL names another one; migrations run first.
BESIDE = $(BIN)/python ops/postgres.py sh -c '$(BIN)/python -m app.migrations && exec "$$@"' dev

.PHONY: migrate migration
migrate: $(INSTALLED) ## bring the database to the newest revision (ARGS="downgrade -1" and the like for other ways)
	@$(BIN)/python ops/postgres.py $(BIN)/python -m app.migrations $(ARGS)

migration: $(INSTALLED) ## write a migration for what changed in the tables (MESSAGE="add a colour"); read it before you keep it
	@test -n "$$MESSAGE" || { echo 'make: say what changes, for example: make migration MESSAGE="add a colour"' >&2; exit 2; }
	@$(BIN)/python ops/postgres.py sh -c '$(BIN)/python -m app.migrations && \
	  $(BIN)/python -m app.migrations revision --autogenerate --message "$$1"' migration "$$MESSAGE"
	@$(BIN)/ruff format --quiet app/migrations
