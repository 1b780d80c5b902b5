#!/bin/bash
# CPython's own test suite, case by case (Debian's libpython3.11-testsuite). Arguments: modules; default: those below.
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3.11
modules=${*:-test_os test_posix test_subprocess test_threading test_signal test_select test_selectors test_epoll test_poll
	test_mmap test_io test_fileio test_tempfile test_shutil test_pathlib test_glob test_fcntl test_pty test_time test_resource
	test_wait3 test_wait4 test_fork1 test_multiprocessing_fork test_multiprocessing_spawn test_concurrent_futures test_queue
	test_sched test_eintr test_faulthandler test_zipfile test_tarfile test_mailbox test_dbm
	test_socket test_asyncio test_ssl test_socketserver test_httpservers test_ftplib test_smtplib test_xmlrpc
	test_multiprocessing_forkserver}
list=$COMPAT_OUT/cpython.list
for module in $modules; do
	case $module in
	test_socket) options="-i *VSOCK*" ;;       # natively it waits forever where the host is itself a guest
	test_socketserver) options="-u network" ;; # which it doesn't really need
	*) options= ;;
	esac
	echo "$module $python -u -m test -v $options $module"
done >"$list"
cd /tmp || exit 1
judge cpython 98 --timeout "${COMPAT_TIMEOUT:-600}" -m 3g --pids-limit 2000 "$list"
