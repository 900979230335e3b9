// leak: a list that grows by 1.5 MB a second.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	parent := os.Getppid()
	var kept [][]byte
	fmt.Println("ready")
	for os.Getppid() == parent {
		room := make([]byte, 15_000)
		for at := range room {
			room[at] = 'x'
		}
		kept = append(kept, room)
		time.Sleep(10 * time.Millisecond)
	}
}
