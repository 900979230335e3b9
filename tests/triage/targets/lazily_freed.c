/* retention: 300 MB were used once, and given up with MADV_FREE. */
#include "common.h"

int main(void) {
    follow_parent();
    char *memory = mmap(NULL, 300 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, 300 * MB);
    if (madvise(memory, 300 * MB, MADV_FREE) != 0) return 1;
    ready();
    forever();
}
