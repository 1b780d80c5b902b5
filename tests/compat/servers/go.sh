#!/bin/bash
# Go's net/http: HTTP/1.1, HTTP/2 over TLS with many streams on a connection, and a unix socket; what interfaces there are.
set -eu
dir=$(mktemp -d /tmp/go.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'GO'
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
)

func check(err error, what string) {
	if err != nil {
		fmt.Println("not ok", what+":", err)
		os.Exit(1)
	}
	fmt.Println("ok", what)
}

func hammer(client *http.Client, url string, proto int) error {
	var wg sync.WaitGroup
	errs := make(chan error, 200)
	for i := 0; i < 200; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			resp, err := client.Post(fmt.Sprintf("%s/%d", url, i), "text/plain", bytes.NewReader(make([]byte, i*300)))
			if err != nil {
				errs <- err
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if want := fmt.Sprintf("/%d %d", i, i*300); err != nil || string(body) != want || resp.ProtoMajor != proto {
				errs <- fmt.Errorf("%d: %q by HTTP/%d, %v", i, body, resp.ProtoMajor, err)
			}
		}(i)
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func main() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d", r.URL.Path, len(body))
	})
	plain := httptest.NewServer(handler)
	check(hammer(plain.Client(), plain.URL, 1), "HTTP/1.1")
	plain.Close()

	two := httptest.NewUnstartedServer(handler)
	two.EnableHTTP2 = true
	two.StartTLS()
	check(hammer(two.Client(), two.URL, 2), "HTTP/2")
	two.Close()

	l, err := net.Listen("unix", os.Args[1]+"/socket")
	check(err, "listen on a unix socket")
	go http.Serve(l, handler)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 10, Dial: func(string, string) (net.Conn, error) {
		return net.Dial("unix", os.Args[1]+"/socket")
	}}}
	check(hammer(client, "http://unix", 1), "HTTP over a unix socket")

	all, err := net.Interfaces()
	check(err, "interfaces")
	for _, i := range all {
		addrs, err := i.Addrs()
		if err == nil && (i.Flags&net.FlagLoopback == 0 || len(addrs) == 0) {
			err = fmt.Errorf("%v %v", i, addrs)
		}
		if i.Name == "lo" {
			check(err, "addresses of lo")
		}
	}
}
GO
cd "$dir"
export HOME="$dir" GOCACHE="$dir/cache" GO111MODULE=off GOFLAGS=-p=1
go build -o main main.go
echo "ok build"
./main "$dir"
