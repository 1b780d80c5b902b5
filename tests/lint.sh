#!/bin/bash
# lint.sh - what a compiler does not check: layers, forbidden words, white space, file headers.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
complain() { echo "$1"; bad=1; }
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.c' '*.h' '*.S' '*.def')

# layers: docs/layers.txt
declare -A allowed
while IFS=: read -r folder rest; do
	case "$folder" in '#'* | '') continue ;; esac
	allowed[$folder]=$rest
done <docs/layers.txt
check_layer() # file, line, included path
{
	local dir=${1%/*}
	while [ -z "${allowed[$dir]+set}" ]; do
		[[ $dir == */* ]] || return 0
		dir=${dir%/*}
	done
	case "$3" in "$dir"/*) return ;; esac
	local prefix
	for prefix in ${allowed[$dir]}; do
		case "$3" in "$prefix" | "$prefix"/*) return ;; esac
	done
	complain "$1:$2: $dir may not include $3 (docs/layers.txt)"
}
while IFS=: read -r file line text; do
	path=${text#*\"}
	path=${path%%\"*}
	case "$path" in
	platform/* | gofer/* | sentry/* | loader/* | tests/*) check_layer "$file" "$line" "$path" ;;
	*/*) ;;
	*.h) [ -f "${file%/*}/$path" ] && complain "$file:$line: include \"$path\" by its full path" ;;
	esac
done < <(grep -nE '^#[[:space:]]*include "' "${files[@]}")

forbid() # what, extended regular expression, where not
{
	local hits
	hits=$(grep -nE "$2" "${files[@]}" | grep -vE "^(${3:-nowhere})") && complain "$hits
	^ $1"
}
forbid "say what and why in an issue instead" '\b(TODO|FIXME|XXX|HACK)\b'
forbid "unbounded or unsafe; there is a better function" '\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|tmpnam|mktemp)\(' tests/
forbid "white space at the end of a line" '[[:space:]]$'
forbid "indent with tabs" '^ {4,}[^ *]'
forbid "too long a line" '^([^S]|S[^Y]).{139,}'            # but one line a call in syscalls.def
hits=$(git ls-files 'sentry/*.c' 'gofer/*.c' | grep -v /host_ | xargs -r grep -nE '\b(fork|execve|system|popen|getenv|sleep|usleep)\(')
[ -z "$hits" ] || complain "$hits
	^ not in the sentry or the gofer"
for f in "${files[@]}"; do
	case "$f" in *.c | *.h) head -c 3 "$f" | grep -q '^/\*' || complain "$f: no header comment" ;; esac
done

[ $bad = 0 ] && echo "lint: nothing to complain about"
exit $bad
