/* steady: a file on the disk that grows by 5 MB a second, and is written and not mapped. The pages are the kernel's to drop. */
#include "common.h"

int main(int argc, char **argv) {
    follow_parent();
    int file = open(argv[argc - 1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || unlink(argv[argc - 1]) < 0) return 1;
    static char piece[50000];
    memset(piece, 1, sizeof piece);
    ready();
    for (long written = 0; written < 1000 * MB; written += sizeof piece) {
        if (write(file, piece, sizeof piece) < 0) return 1;
        wait_ms(10);
    }
    forever();
}
