// A program that leaves a profile of each kind that Go makes, in pprof's format and in Go's text form.
//
// Usage: kinds FOLDER
package main

import (
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

var (
	carts  [][]byte
	spun   uint64
	mutex  sync.Mutex
	closed = make(chan struct{})
)

//go:noinline
func keep(blocks, size int) {
	for i := 0; i < blocks; i++ {
		carts = append(carts, make([]byte, size))
	}
}

//go:noinline
func nest(depth int) {
	if depth > 0 {
		nest(depth - 1)
		return
	}
	keep(10, 100_000)
}

//go:noinline
func wait() {
	<-closed
}

//go:noinline
func hold(done *sync.WaitGroup) {
	defer done.Done()
	for i := 0; i < 20; i++ {
		mutex.Lock()
		time.Sleep(time.Millisecond)
		mutex.Unlock()
	}
}

//go:noinline
func spin(rounds uint64) uint64 {
	for i := uint64(0); i < rounds; i++ {
		spun = spun*31 + i
	}
	return spun
}

func work() {
	for end := time.Now().Add(400 * time.Millisecond); time.Now().Before(end); {
		spin(100_000)
	}
}

func main() {
	runtime.MemProfileRate = 4096
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	folder := os.Args[1]
	create := func(name string) *os.File {
		file, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			log.Fatal(err)
		}
		return file
	}

	cpu := create("cpu.pb.gz")
	if err := pprof.StartCPUProfile(cpu); err != nil {
		log.Fatal(err)
	}
	work()
	pprof.StopCPUProfile()
	cpu.Close()

	keep(300, 2_000)
	nest(4)
	for i := 0; i < 7; i++ {
		go wait()
	}
	var done sync.WaitGroup
	for i := 0; i < 4; i++ {
		done.Add(1)
		go hold(&done)
	}
	done.Wait()
	runtime.GC()
	for _, profile := range pprof.Profiles() {
		for name, debug := range map[string]int{".pb.gz": 0, ".txt": 1} {
			file := create(profile.Name() + name)
			if err := profile.WriteTo(file, debug); err != nil {
				log.Fatal(err)
			}
			file.Close()
		}
	}
	runtime.KeepAlive(carts)
}
