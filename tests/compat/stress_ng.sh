#!/bin/bash
# stress-ng: each stressor for a second. Arguments: stressors; default: those that do the machine no harm when they run natively,
# as root (none that needs hardware, mounts, sets clocks, fills disks or logs, or takes processors away).
. "$(dirname "$0")/lib.sh"
stressors=${*:-access alarm bad-altstack bsearch brk cap chdir chmod chown clock clone close context copy-file cpu crypt daemon
	dentry dir dirdeep dup dynlib enosys env epoll eventfd exec exit-group fallocate fault fcntl fiemap fifo flock fork fp-error
	fpunch fstat full funccall futex get getdent getrandom handle hdd hsearch icache inotify io iomix itimer judy key kill lease
	link lockf locka lockofd madvise malloc matrix membarrier memcpy memfd memthrash mergesort mincore misaligned mknod mlock mmap
	mmapaddr mmapfixed mmapfork mmapmany mprotect mq mremap msg msync munmap mutex nanosleep nice null open opcode pidfd pipe
	pipeherd poll prctl prefetch procfs pthread ptrace pty qsort radixsort readahead remap rename resched rlimit rmap rseq
	schedpolicy seal secretmem seek sem sem-sysv sendfile session set shellsort shm shm-sysv sigabrt sigchld sigfd sigfpe sigio
	signal signest sigpending sigpipe sigq sigrt sigsegv sigsuspend sigtrap skiplist sleep sock sockabuse sockdiag sockfd sockpair
	spawn splice stack stackmmap str stream switch symlink sync-file sysbadaddr sysinfo tee timer timerfd tmpfs touch tree tsc
	tsearch udp unshare urandom utime vdso vecmath vfork vforkmany vm vm-addr vm-splice wait wcs xattr yield zero zombie}
list=$COMPAT_OUT/stress-ng.list
for s in $stressors; do
	echo "$s stress-ng --$s 1 --timeout 1 --temp-path /tmp --oom-avoid"
done >"$list"
judge stress-ng 90 --timeout "${COMPAT_TIMEOUT:-30}" -m 3g --pids-limit 1000 "$list"
