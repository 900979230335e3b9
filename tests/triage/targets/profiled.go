// A service with net/http/pprof that keeps memory, or a goroutine, for each tick; or nothing.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"time"
)

var kept [][]byte

func keep() {
	kept = append(kept, make([]byte, 64<<10))
}

func wait(never chan int) {
	<-never
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(listener, nil)
	fmt.Println("http://" + listener.Addr().String())
	for {
		switch os.Args[1] {
		case "memory":
			keep()
		case "goroutines":
			go wait(make(chan int))
		default:
			_ = make([]byte, 64<<10)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
