/* steady: a file that grows by 20 MB a second, and is mapped and read as it grows. The pages are the kernel's to drop. */
#include "common.h"

int main(int argc, char **argv) {
    follow_parent();
    int file = open(argv[argc - 1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink(argv[argc - 1]);
    static char piece[1 << 20];
    memset(piece, 1, sizeof piece);
    ready();
    volatile char seen = 0;
    for (off_t at = 0;; at += sizeof piece) {
        if (at > 2000L * 1000 * 1000) forever();
        if (write(file, piece, sizeof piece) < 0) return 1;
        char *mapped = mmap(NULL, sizeof piece, PROT_READ, MAP_SHARED, file, at);
        if (mapped == MAP_FAILED) return 1;
        for (size_t page = 0; page < sizeof piece; page += 4096) seen += mapped[page];
        wait_ms(50);
    }
}
