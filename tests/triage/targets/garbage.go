// steady: garbage, which the collector finds now and then: memory is a saw-tooth.
package main

import (
	"fmt"
	"os"
	"time"
)

type node struct {
	itself *node
	room   [20_000]byte
}

var last *node

func garbage() {
	last = &node{}
	last.itself = last
}

func main() {
	parent := os.Getppid()
	// Until the collector has filled its rooms once.
	for i := 0; i < 50_000; i++ {
		garbage()
	}
	fmt.Println("ready")
	for os.Getppid() == parent {
		garbage()
		time.Sleep(5 * time.Millisecond)
	}
}
