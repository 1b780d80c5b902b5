# Threads with a queue, a mutex and a timeout; fork, traps, popen, a pty, a socket pair, select, garbage.
require 'timeout'
require 'socket'
require 'open3'
require 'pty'
q = Queue.new
sum = 0
m = Mutex.new
workers = 8.times.map { Thread.new { while (x = q.pop) != :end; m.synchronize { sum += x }; end } }
20000.times { |i| q << i }
8.times { q << :end }
workers.each(&:join)
puts sum
begin
  Timeout.timeout(0.1) { sleep 100 }
rescue Timeout::Error
  puts 'timeout'
end
begin
  Timeout.timeout(0.1) { loop {} }
rescue Timeout::Error
  puts 'timeout of a loop'
end
got = Queue.new
trap('USR1') { got << :usr1 }
Process.kill('USR1', $$)
puts got.pop
pid = fork { sleep 0.01; exit! 3 }
puts Process.wait2(pid)[1].exitstatus
out, err, st = Open3.capture3('cat; echo e >&2; kill -9 $$', stdin_data: 'in')
p out, err, st.termsig
a, b = UNIXSocket.pair
pid = fork { a.close; b.send_io(File.open('/etc/hostname')); b.puts b.gets.upcase; exit }
b.close
io = a.recv_io
p io.read == File.read('/etc/hostname')
a.puts 'shout'
puts a.gets
Process.wait pid
PTY.spawn('stty size; tty | cut -c 1-9; read x; echo "got $x"') do |r, w, child|
  w.puts 'typed'
  text = ''
  begin
    loop { text << r.readpartial(1000) }
  rescue Errno::EIO
  end
  print text.delete("\r").lines.reject { |l| l =~ /^typed/ }.join
end
300_000.times.map { |i| 'x' * (i % 50) }
GC.start
puts GC.count > 0
r, w = IO.pipe
w.write_nonblock('y' * 65536)
begin
  w.write_nonblock('y')
rescue IO::EAGAINWaitWritable
  puts 'full'
end
puts IO.select([r], nil, nil, 1)[0].length
at_exit { puts 'at exit' }
abort 'last words'
