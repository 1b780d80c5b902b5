<?php
// Closures and strings, child processes and pipes, streams and select, sockets.
$words = [];
for ($i = 0; $i < 50000; $i++)
	$words[md5((string)$i)[0]] = ($words[md5((string)$i)[0]] ?? 0) + 1;
ksort($words);
echo json_encode($words), "\n";
$p = proc_open(['sh', '-c', 'cat; echo err >&2; exit 4'], [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
fwrite($pipes[0], "to the child\n");
fclose($pipes[0]);
echo stream_get_contents($pipes[1]), stream_get_contents($pipes[2]);
echo proc_close($p), "\n";
$server = stream_socket_server('tcp://127.0.0.1:0', $e, $s);
$client = stream_socket_client('tcp://' . stream_socket_get_name($server, false));
$peer = stream_socket_accept($server, 5);
fwrite($client, "over tcp\n");
$read = [$peer]; $none = null;
echo stream_select($read, $none, $none, 5), ' ', fgets($peer);
if (function_exists('pcntl_fork')) {
	pcntl_async_signals(true);
	pcntl_signal(SIGUSR1, function ($n) { echo "signal $n\n"; });
	posix_kill(posix_getpid(), SIGUSR1);
	$pid = pcntl_fork();
	if ($pid == 0) exit(8);
	pcntl_waitpid($pid, $st);
	echo pcntl_wexitstatus($st), "\n";
}
file_put_contents('f', str_repeat("line\n", 10000));
$n = 0;
foreach (new SplFileObject('f') as $l) $n += strlen($l);
echo $n, ' ', filesize('f'), ' ', count(glob('*')), "\n";
echo preg_match_all('/i[a-z]/', file_get_contents('f')), "\n";
