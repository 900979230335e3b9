/* pressure: 100 MB are needed for a moment, again and again, and given back each time. */
#include "common.h"

int main(void) {
    follow_parent();
    ready();
    for (;;) {
        char *memory = mmap(NULL, 100 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(memory, 1, 100 * MB);
        wait_ms(100);
        munmap(memory, 100 * MB);
        wait_ms(400);
    }
}
