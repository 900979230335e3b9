#!/bin/sh
# Writes what Go's own tool says about each profile; the line with the local time is left out.
set -eu
cd "$(dirname "$0")"
for profile in default.pb.gz every.pb.gz plain.pb; do
    for type in alloc_objects alloc_space inuse_objects inuse_space; do
        go tool pprof -top -sample_index=$type $profile 2>/dev/null |
            grep -v '^Time: ' >"${profile%%.*}.$type.txt"
    done
done
go tool pprof -top -nodecount=3 -sample_index=alloc_space every.pb.gz 2>/dev/null |
    grep -v '^Time: ' >every.first-three.txt
go tool pprof -list='^main\.' -source_path=. -trim_path=search-index every.pb.gz 2>/dev/null >every.list.txt
go tool pprof -top -diff_base=default.pb.gz plain.pb 2>/dev/null | grep -v '^Time: ' >diff.txt
