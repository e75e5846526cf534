package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

// runForward carries TCP connections from an address of the caller's network
// namespace to an address inside another one. A socket stays in the namespace
// it was made in, so it listens first and then starts itself again, through
// nsenter, inside the other namespace with the listening socket as fd 3.
//
//	nodetool forward LISTEN-ADDR TARGET-ADDR PID    (PID: any process in there)
func runForward() {
	if len(os.Args) == 3 && os.Args[1] == "--inherited" {
		serveForward(os.Args[2])
		return
	}
	if len(os.Args) != 4 {
		die("usage: nodetool forward LISTEN-ADDR TARGET-ADDR PID")
	}
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		die("%v", err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		die("%v", err)
	}
	self, err := os.Executable()
	if err != nil {
		die("%v", err)
	}
	cmd := exec.Command("nsenter", "--net=/proc/"+os.Args[3]+"/ns/net", "--",
		self, "forward", "--inherited", os.Args[2])
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	runtime.LockOSThread() // the death signal below comes when this thread ends, not the process
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		die("%v", err)
	}
	l.Close()
	f.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() { <-stop; cmd.Process.Kill() }()
	cmd.Wait()
}

func serveForward(target string) {
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		die("%v", err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			die("%v", err)
		}
		go func() {
			defer c.Close()
			t, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer t.Close()
			var wg sync.WaitGroup
			pipe := func(dst, src net.Conn) {
				defer wg.Done()
				io.Copy(dst, src)
				dst.(*net.TCPConn).CloseWrite()
			}
			wg.Add(2)
			go pipe(t, c)
			go pipe(c, t)
			wg.Wait()
		}()
	}
}
