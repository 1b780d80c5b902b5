# POSIX: signals with sigaction, masks, wait statuses, pipes, terminals, sessions, times.
use strict;
use POSIX qw(:signal_h :sys_wait_h :fcntl_h :errno_h :termios_h :unistd_h :limits_h ceil strftime);
$| = 1;
my @got;
sigaction(SIGUSR1, POSIX::SigAction->new(sub { push @got, $_[0] }, POSIX::SigSet->new(SIGUSR2), SA_RESTART)) or die;
$SIG{USR2} = sub { push @got, "USR2" };
my $set = POSIX::SigSet->new(SIGUSR1, SIGUSR2);
sigprocmask(SIG_BLOCK, $set, my $old = POSIX::SigSet->new) or die;
kill USR1 => $$; kill USR2 => $$;
sigpending(my $pending = POSIX::SigSet->new) or die;
print join(" ", map { $pending->ismember($_) } SIGUSR1, SIGUSR2, SIGTERM), "\n";
sigsuspend($old) if !@got;
sigprocmask(SIG_SETMASK, $old);
print join(" ", sort @got), "\n";
for my $how ('_exit(9)', 'kill KILL => $$', 'abort', 'kill STOP => $$; _exit(2)') {
	my $pid = fork // die;
	if (!$pid) { eval "POSIX::$how" if $how =~ /^_exit|abort/; eval $how; POSIX::_exit(99) }
	waitpid($pid, WUNTRACED);
	if (WIFSTOPPED(${^CHILD_STATUS_NATIVE})) {
		print "stopped ", WSTOPSIG(${^CHILD_STATUS_NATIVE}), "\n";
		kill CONT => $pid;
		waitpid $pid, 0;
	}
	my $s = ${^CHILD_STATUS_NATIVE};
	print WIFEXITED($s) ? "exit " . WEXITSTATUS($s) : WIFSIGNALED($s) ? "signal " . WTERMSIG($s) : "?", "\n";
}
my ($r, $w) = POSIX::pipe();
POSIX::write($w, "x" x 100, 100);
print POSIX::read($r, my $buf, 1000), "\n";
POSIX::close($r);
$SIG{PIPE} = 'IGNORE';
print defined POSIX::write($w, "y", 1) ? "?" : $! + 0 == EPIPE ? "EPIPE\n" : "$!\n";
print POSIX::open("/nonexistent", O_RDONLY) // ($! + 0 == ENOENT ? "ENOENT\n" : "$!\n");
print defined POSIX::ttyname(0) ? "tty" : "no tty", " ", POSIX::sysconf(_SC_PAGESIZE), " ", POSIX::pathconf("/", _PC_NAME_MAX), " ", ARG_MAX > 0, "\n";
my $child = open(my $k, "-|") // die;
if (!$child) { POSIX::setsid(); print POSIX::getpgrp() == $$ ? "leader" : "no", " ", POSIX::getsid(0) == $$ ? 1 : 0, "\n"; exit 0 }
print <$k>; close $k;
$SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select undef, undef, undef, 20; };
print $@;
my @t = POSIX::times();
print @t, "\n" if @t != 5;
print strftime("%Y-%m-%d", gmtime 86400 * 365), " ", POSIX::mktime(0, 0, 0, 1, 0, 100) > 0, "\n";
