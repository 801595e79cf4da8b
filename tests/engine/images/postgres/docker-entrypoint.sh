#!/usr/bin/env bash
# Behaves as the official image's entrypoint does, as far as migops and its examples can tell.
set -Eeuo pipefail

# NAME from the environment, else from the file that NAME_FILE names, else a default. Both at once is an error.
setting() {
	local name=$1 default=${2:-} file_name=${1}_FILE
	if [ "${!name:-}" ] && [ "${!file_name:-}" ]; then
		echo >&2 "error: both $name and $file_name are set (but are exclusive)"
		exit 1
	fi
	if [ "${!file_name:-}" ]; then
		printf -v "$name" '%s' "$(<"${!file_name}")"
	else
		printf -v "$name" '%s' "${!name:-$default}"
	fi
	export "${name?}"
	unset "$file_name"
}

initialise() {
	if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
		echo >&2 "Error: Database is uninitialized and superuser password is not specified."
		echo >&2 "       Set POSTGRES_PASSWORD, or POSTGRES_HOST_AUTH_METHOD=trust to allow every connection."
		exit 1
	fi
	local arguments=()
	[ -z "${POSTGRES_INITDB_WALDIR:-}" ] || arguments+=(--waldir "$POSTGRES_INITDB_WALDIR")
	# POSTGRES_INITDB_ARGS holds several quoted words, so the shell must split it
	eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") "${arguments[@]}" '"${POSTGRES_INITDB_ARGS:-}"
	: "${POSTGRES_HOST_AUTH_METHOD:=$(postgres -C password_encryption)}"
	printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
}

query() {
	PGHOST= PGHOSTADDR= psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc "$@"
}

run_scripts() {
	local script
	for script in /docker-entrypoint-initdb.d/*; do
		case $script in
			*.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
			*.sql) query --dbname "$POSTGRES_DB" --file "$script" ;;
			*.sql.gz) gunzip --stdout "$script" | query --dbname "$POSTGRES_DB" ;;
			*.sql.xz) xz --decompress --stdout "$script" | query --dbname "$POSTGRES_DB" ;;
			*.sql.zst) zstd --decompress --stdout "$script" | query --dbname "$POSTGRES_DB" ;;
			*) echo "$0: ignoring $script" ;;
		esac
	done
}

first_start() {
	initialise
	export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
	# on the socket alone, so that nobody from outside meets a half-made database
	pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses='' -p ${PGPORT:-5432}" --wait start
	if [ "$POSTGRES_DB" != postgres ]; then
		query --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
	fi
	run_scripts
	pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
	unset PGPASSWORD
	printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

main() {
	if [ "${1:0:1}" = - ]; then
		set -- postgres "$@"
	fi
	if [ "${1:-}" = postgres ] && [[ " $* " != *" --version "* && " $* " != *" --help "* ]]; then
		mkdir -p "$PGDATA"
		chmod 700 "$PGDATA" || true
		if [ "$(id -u)" = 0 ]; then
			find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
			exec gosu postgres "${BASH_SOURCE[0]}" "$@"
		fi
		setting POSTGRES_PASSWORD
		setting POSTGRES_USER postgres
		setting POSTGRES_DB "$POSTGRES_USER"
		: "${POSTGRES_HOST_AUTH_METHOD:=}"
		if [ -s "$PGDATA/PG_VERSION" ]; then
			printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
		else
			first_start
		fi
	fi
	exec "$@"
}

shopt -s nullglob
main "$@"
