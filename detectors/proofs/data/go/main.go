// Makes the heap profiles in this folder; README.md says how.
package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
)

type hit struct {
	id   string
	body []byte
}

var index = map[string]*hit{}

// page pretends to be an answer of a search cluster.
func page(n int) []byte {
	return bytes.Repeat([]byte("0123456789abcdef"), n)
}

// keep holds a view of a page, and with it the page.
func keep(n int) {
	p := page(n)
	id := strings.Repeat("k", n%7+1)
	index[id] = &hit{id: id, body: p[:16]}
}

// nest calls itself, so that one stack holds it several times.
func nest(depth int) [][]byte {
	if depth == 0 {
		return [][]byte{make([]byte, 300<<10)}
	}
	return append(nest(depth-1), make([]byte, 30<<10))
}

// churn allocates and lets go.
func churn() int {
	sum := 0
	for i := 0; i < 400; i++ {
		sum += len(page(1000 + i))
	}
	return sum
}

type list[T any] struct{ items []T }

func (l *list[T]) add(item T) { l.items = append(l.items, item) }

func main() {
	runtime.MemProfileRate = rate()
	for i := 0; i < 60; i++ {
		keep(4000 + i*100)
	}
	nested := nest(5)
	numbers := &list[int]{}
	for i := 0; i < 100_000; i++ {
		numbers.add(i)
	}
	sum := churn()
	runtime.GC()
	write()
	runtime.KeepAlive(nested)
	runtime.KeepAlive(numbers)
	runtime.KeepAlive(sum)
}

// rate is the runtime's default of 512 KiB, or every allocation when asked for.
func rate() int {
	if len(os.Args) > 2 && os.Args[2] == "every" {
		return 1
	}
	return 512 << 10
}

func write() {
	var packed bytes.Buffer
	if err := pprof.WriteHeapProfile(&packed); err != nil {
		log.Fatal(err)
	}
	data := packed.Bytes()
	if len(os.Args) > 3 && os.Args[3] == "plain" {
		reader, err := gzip.NewReader(&packed)
		if err != nil {
			log.Fatal(err)
		}
		if data, err = io.ReadAll(reader); err != nil {
			log.Fatal(err)
		}
	}
	if err := os.WriteFile(os.Args[1], data, 0o644); err != nil {
		log.Fatal(err)
	}
}
