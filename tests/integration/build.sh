#!/bin/bash
# Developers' tools: a project of twenty files built by make -j2 and run; git on two thousand files.
. "$(dirname "$0")/lib.sh"

make_project()
{
	mkdir -p "$WORK/files"
	local i
	for i in $(seq 1 20); do
		printf '#include <stdio.h>\n#include <string.h>\n#include "all.h"\nint f%d(int x)\n{\n\tchar b[64];\n\tsnprintf(b, sizeof b, "%%d-%d", x);\n\treturn (int)strlen(b) + x * %d;\n}\n' "$i" "$i" "$i"
	done | csplit -s -z -f "$WORK/files/f" -b '%d.c' - '/^#include <stdio.h>/' '{*}'
	for i in $(seq 1 20); do echo "int f$i(int);"; done >"$WORK/files/all.h"
	{ echo '#include <stdio.h>'; echo '#include "all.h"'; echo 'int main(void) { long s = 0;'
	  for i in $(seq 1 20); do echo "s += f$i($i);"; done; echo 'printf("%ld\n", s); return (int)(s & 63); }'; } >"$WORK/files/main.c"
	printf 'SRC := $(wildcard *.c)\nOBJ := $(SRC:.c=.o)\nCFLAGS = -O1 -Wall\nprog: $(OBJ)\n\t$(CC) -o $@ $^\n%%.o: %%.c all.h\nclean:\n\trm -f *.o prog\n' >"$WORK/files/Makefile"
}

project()
{
	same make_j2 sh -c 'make -s -j2 && ls *.o | wc -l && ./prog; s=$?; touch f3.c; make -n | wc -l; make -s && make -s clean; ls | wc -l; exit $s'
	same compile_error sh -c 'echo "int main(void) { return x; }" >bad.c; gcc -c bad.c -o bad.o 2>/dev/null; echo $?; make -s prog >/dev/null && ./prog'
	same static_program sh -c 'gcc -O1 -static -o s f0.c f1.c main.c 2>/dev/null || gcc -static -o s *.c && ./s'
}
if command -v gcc >/dev/null && command -v make >/dev/null; then
	make_project
	SAME_TIMEOUT=300 for_each_user project
	rm -rf "$WORK/files"
else
	skip project "no gcc or make"
fi

git_script='
set -e
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE="2020-01-01T00:00:00Z" GIT_COMMITTER_DATE="2020-01-01T00:00:00Z"
git config --global user.name tester; git config --global user.email tester@example.org; git config --global init.defaultBranch main
git init -q repo; cd repo
for d in $(seq 1 20); do mkdir d$d; for f in $(seq 1 100); do echo "$d $f" >d$d/f$f; done; done
git add -A; git commit -q -m first
for i in 1 2 3; do echo more >>d$i/f1; git commit -q -a -m "change $i"; done
git log --format="%H %s"; git status --short | wc -l; git gc -q; git fsck --no-progress; git count-objects -v | grep in-pack
cd ..; git clone -q repo copy; cd copy; git log --oneline | wc -l; git ls-files | wc -l; git checkout -q HEAD~2; git diff --stat main | tail -n 1
git branch side; git checkout -q side; echo side >s; git add s; git commit -q -m side; git checkout -q main; git merge -q -m merge side; git log --oneline | wc -l'
repository() { same git bash -c "$git_script"; }
if command -v git >/dev/null; then
	SAME_TIMEOUT=300 for_each_user repository
else
	skip git "no git"
fi
