module search-index

go 1.19
