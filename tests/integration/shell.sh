#!/bin/bash
# Shells: what scripts lean on, as root and as an ordinary user.
. "$(dirname "$0")/lib.sh"

scripts()
{
	same pipeline bash -c 'seq 1 10000 | grep 7 | sort -r | uniq | wc -l'
	same long_pipeline bash -c 'yes | head -n 100000 | cat | cat | cat | wc -c'
	same here_document bash -c 'cat <<END
one $((1 + 1)) ${HOME:+set}
END
tr a-z A-Z <<<"here string"'
	same process_substitution bash -c 'diff <(seq 1 5) <(seq 2 6); paste <(echo a) <(echo b); echo tee | tee >(cat >f) >/dev/null; while ! [ -s f ]; do :; done; cat f'
	same exit_trap bash -c 'trap "echo bye" EXIT; trap "echo usr1" USR1; kill -USR1 $$; echo here; exit 5'
	same term_trap bash -c 'trap "echo term; exit 3" TERM; (sleep 0.1; kill -TERM $$) & while :; do read -t 1 -u 9 x 9<>/dev/zero || :; done'
	same background_jobs bash -c 'for i in 1 2 3; do (exit $i) & p="$p $!"; done; s=0; for j in $p; do wait $j; s=$((s + $?)); done; echo $s'
	same wait_for_all bash -c 'for i in 1 2 3 4 5; do (echo $i) & wait; done; echo done'
	same pipefail bash -c 'set -o pipefail; false | true; echo $?; (exit 3) | (exit 4) | true; echo "$? ${PIPESTATUS[*]}"'
	same errexit bash -c 'set -e; true; echo a; false; echo b'
	same globbing bash -c 'mkdir -p d/e; touch a.c b.c .h d/x.c d/e/y.c; shopt -s globstar extglob nullglob; echo *.c **/*.c !(*.c) *.z .h*; ls -1'
	same arrays bash -c 'declare -A m=([x]=1 [y]=2); a=(p q "r s"); a+=(t); echo "${#a[@]} ${a[2]} ${a[@]:1:2} ${m[x]} ${!a[@]}"; printf "%q\n" "${a[@]}"'
	same redirections bash -c 'exec 3>f; echo one >&3; echo two >>f; exec 3>&-; cat f; { echo out; echo err >&2; } >both 2>&1; cat both; echo x >&3'
	same coprocess bash -c 'coproc cat; echo hello >&${COPROC[1]}; read -r l <&${COPROC[0]}; echo "$l"; exec {COPROC[1]}>&-; wait'
	same killed_by_signal bash -c '{ sh -c "kill -SEGV \$\$"; echo $?; sh -c "kill -KILL \$\$"; echo $?; } 2>/dev/null'
	same command_not_found bash -c 'no-such-program; echo $?; /etc/passwd; echo $?; cd /nonexistent'
	same subshells_and_variables bash -c 'x=1; (x=2; echo $x); echo $x; echo "$(echo nested "$(echo deeper)")"; printf "%s\n" {1..3}{a,b}'
	same read_loop bash -c 'i=0; while IFS=: read -r user rest; do i=$((i + 1)); done </etc/passwd; echo $i'
	same script_file sh -c 'printf "#!/bin/sh\necho \$0 \$# \$1\n" >s; chmod +x s; ./s "a b"; printf "#!/usr/bin/env bash\necho \${BASH_VERSION:+bash}\n" >e; chmod +x e; ./e'
	same dash sh -c 'i=0; while [ $i -lt 200 ]; do i=$((i + 1)); /bin/true; done; echo $i'
	same ulimit bash -c 'ulimit -n 64; ulimit -n; ulimit -c 0; ulimit -c'
	same umask_and_modes bash -c 'umask 027; touch f; mkdir d; stat -c "%a %F" f d; chmod u+s,o+r f; stat -c %a f; ln f g; ln -s g h; stat -c "%h %N" f h'
	same big_environment bash -c 'export BIG=$(head -c 100000 /dev/zero | tr "\0" x); env | wc -c >/dev/null; sh -c "echo \${#BIG}"'
	same many_arguments bash -c 'echo $(seq 1 20000) | xargs -n 5000 echo | wc'
	same standard_input_closed bash -c 'cat <&-; echo $?'
	same times_out bash -c 'timeout 0.2 sleep 5; echo $?'
}
for_each_user scripts
