package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Goroutines that never yield are preempted by signals; children; timers; a server; the collector beside all of it.
func spin(stop *int32, n *int64) {
	x := int64(0)
	for atomic.LoadInt32(stop) == 0 {
		for i := 0; i < 10000; i++ { // beside which the race detector's calls, that can't be preempted, don't count
			x++
		}
	}
	atomic.AddInt64(n, x)
}

//go:noinline
func busy(n int) int {
	x := 0
	for i := 0; i < n; i++ {
		x += i & 3
	}
	return x
}

func main() {
	runtime.GOMAXPROCS(4)
	var stop int32
	var n int64
	var wg sync.WaitGroup
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); spin(&stop, &n) }()
	}
	garbage := 0
	for i := 0; i < 50; i++ {
		b := make([][]byte, 100)
		for j := range b {
			b[j] = make([]byte, 10000)
			garbage += len(b[j])
		}
		runtime.GC()
	}
	atomic.StoreInt32(&stop, 1)
	wg.Wait()
	fmt.Println("preempted", n > 0, garbage)

	done := make(chan int)
	runtime.GOMAXPROCS(1)
	go func() { done <- busy(2000000000) }()
	tick := 0
	t := time.NewTicker(time.Millisecond)
	for x := 0; x == 0; {
		select {
		case <-t.C:
			tick++
		case x = <-done:
		}
	}
	t.Stop()
	fmt.Println("ticks beside a loop", tick > 10)
	runtime.GOMAXPROCS(4)

	for i := 0; i < 40; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			cmd := exec.Command("sh", "-c", fmt.Sprintf("cat; exit %d", i%3))
			cmd.Stdin = bytes.NewBufferString("hello")
			out, err := cmd.Output()
			if string(out) != "hello" || (err == nil) != (i%3 == 0) {
				fmt.Println("child", i, string(out), err)
			}
		}(i)
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	err := exec.CommandContext(ctx, "sleep", "100").Run()
	cancel()
	fmt.Println("child", err)

	c := make(chan os.Signal, 100)
	signal.Notify(c, syscall.SIGUSR1)
	for i := 0; i < 100; i++ {
		syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		<-c
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		for {
			s, err := l.Accept()
			if err != nil {
				return
			}
			go func() { b := make([]byte, 100); k, _ := s.Read(b); s.Write(b[:k]); s.Close() }()
		}
	}()
	var ok int64
	for i := 0; i < 100; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			s, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Fprintf(s, "%d", i)
			b := make([]byte, 100)
			k, _ := s.Read(b)
			if string(b[:k]) == fmt.Sprint(i) {
				atomic.AddInt64(&ok, 1)
			}
			s.Close()
		}(i)
	}
	wg.Wait()
	fmt.Println("echoed", ok)

	var fired int64
	for i := 0; i < 1000; i++ {
		wg.Add(1)
		d := time.Duration(i%50) * time.Millisecond
		start := time.Now()
		time.AfterFunc(d, func() {
			if time.Since(start) >= d {
				atomic.AddInt64(&fired, 1)
			}
			wg.Done()
		})
	}
	wg.Wait()
	fmt.Println("fired in time", fired)
	defer func() {
		fmt.Println("recovered", recover())
		var st syscall.Rlimit
		syscall.Getrlimit(syscall.RLIMIT_NOFILE, &st)
		os.Exit(6)
	}()
	var p *int
	*p = 1
}
