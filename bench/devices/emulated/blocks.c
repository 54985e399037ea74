/* A QEMU plugin: which blocks of A64 instructions a program executes between marks, in what order, and what
 * that moves through simulated caches.
 *
 *     qemu-aarch64 -plugin blocks.so,out=FILE[,late=on][,caches=SIZE/WAYS[:SIZE/WAYS...]]... PROGRAM
 *
 * Each `caches` is one processor's data caches, the first level first: bytes and ways of each. A cache has
 * lines of 64 bytes, evicts the least recently used line of a set, and allocates on reads and writes. A line
 * that was written goes to the next level when it is evicted. There is no prefetching: what a prefetcher would
 * have fetched in time is counted as any other line. With `late=on` nothing is looked at before the first mark, so that a
 * program starts as fast as without the plugin; let it warm the caches up after that.
 *
 * Lines of FILE, all numbers decimal but for the hexadecimal addresses and words:
 *
 *     block ID ADDRESS WORDS             a block, when it is translated; eight digits an instruction
 *     mark                               what follows was executed since the mark before, or the start
 *     ran ID TIMES TURNS ACCESSES [FILLS... WRITTEN]...   a block; for each `caches` the lines fetched into
 *                                        each level, and the lines written back to the memory
 *     then ID ID TIMES                   how often the second block followed the first
 *     end                                the end of what belongs to a mark
 *
 * A turn is a step to another block than was foreseen. A block keeps to a successor until two steps in a row went
 * elsewhere, and then foresees the last of these, as a predictor with two bits does. What was foreseen outlives a
 * mark. The turn of the last block before a mark belongs to what follows, and to what it next runs in.
 *
 * A mark is as in counter.c. A block has one entry and one exit. Counts are those of all threads, and are for
 * programs of which one thread runs at a time. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

EXPORT int qemu_plugin_version = 1;

enum { MOST_PROCESSORS = 4, MOST_LEVELS = 3, LINE_BITS = 6, BUCKETS = 1 << 16, RECENT = 1 << 10 };

struct cache {
    uint64_t sets, ways;
    uint64_t *lines; /* ways of set 0, of set 1, ...; the most recently used first; bit 0: was written */
};
struct processor {
    int levels;
    struct cache level[MOST_LEVELS];
};
struct traffic {
    uint64_t fills[MOST_LEVELS], written;
};
struct sums {
    uint64_t times, turns, accesses;
    struct traffic traffic[MOST_PROCESSORS];
};
struct block {
    unsigned id;
    uint64_t address;
    size_t count;
    uint32_t *words;
    struct sums now, marked;
    struct block *next, *foreseen;
    bool sure;
    struct step *steps;
};
struct step {
    struct block *to;
    uint64_t times, marked;
    struct step *next;
};

static FILE *out;
static int processors;
static struct processor processor[MOST_PROCESSORS];
static struct block *buckets[BUCKETS], **blocks;
static size_t block_count, block_room;
static struct block *running;
static bool looking = true;
static uint64_t recent[RECENT]; /* what was accessed last of all lines with the same remainder; bit 0: was written */
static uint64_t remainders = RECENT; /* divides every first level's number of sets */

static void *allocated(void *old, size_t count, size_t size) {
    void *room = realloc(old, count * size);
    if (room == NULL) {
        fprintf(stderr, "blocks: out of memory\n");
        exit(1);
    }
    return room;
}

static void *zeroed(size_t count, size_t size) { return memset(allocated(NULL, count, size), 0, count * size); }

/* Bring a line to the front of its set: whether it was there, and in `victim` what was evicted if that was written. */
static bool touch(struct cache *cache, uint64_t line, bool written, uint64_t *victim) {
    uint64_t *set = cache->lines + line % cache->sets * cache->ways;
    uint64_t before = set[0];
    size_t way = 0;
    *victim = 0;
    if (before >> 1 == line) {
        set[0] |= written;
        return true;
    }
    while (++way < cache->ways) { /* All that is passed moves one way back. */
        uint64_t here = set[way];
        set[way] = before;
        before = here;
        if (here >> 1 == line) {
            set[0] = here | written;
            return true;
        }
    }
    set[0] = line << 1 | written;
    if (before & 1)
        *victim = before >> 1;
    return false;
}

static void reach(struct processor *to, int level, uint64_t line, bool written, struct traffic *traffic) {
    uint64_t victim;
    if (level == to->levels) {
        traffic->written += written;
        return;
    }
    if (touch(&to->level[level], line, written, &victim))
        return;
    /* A line that comes from a level above, whole, is not fetched from below. */
    if (level == 0 || !written) {
        traffic->fills[level]++;
        if (level + 1 < to->levels)
            reach(to, level + 1, line, false, traffic);
    }
    if (victim)
        reach(to, level + 1, victim, true, traffic);
}

static void accessed(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data) {
    struct block *block = data;
    bool written = qemu_plugin_mem_is_store(info);
    uint64_t end = (address + (1u << qemu_plugin_mem_size_shift(info)) - 1) >> LINE_BITS;
    (void)vcpu;
    block->now.accesses++;
    for (uint64_t line = address >> LINE_BITS; line <= end; line++) {
        uint64_t *last = &recent[line % remainders];
        if (*last >> 1 == line && (*last & 1) >= written)
            continue; /* It is at the front of its set in every first level. */
        for (int i = 0; i < processors; i++)
            reach(&processor[i], 0, line, written, &block->now.traffic[i]);
        *last = line << 1 | written;
    }
}

static void entered(unsigned int vcpu, void *data) {
    struct block *block = data;
    (void)vcpu;
    if (running != NULL) {
        bool right = running->foreseen == block;
        running->now.turns += !right;
        if (!right && !running->sure)
            running->foreseen = block;
        running->sure = right;
        struct step **at = &running->steps, *step;
        while ((step = *at) != NULL && step->to != block)
            at = &step->next;
        if (step == NULL) {
            step = zeroed(1, sizeof *step);
            step->to = block;
        } else
            *at = step->next;
        step->times++;
        step->next = running->steps; /* The last one comes first. */
        running->steps = step;
    }
    running = block;
}

static struct block *block_of(uint64_t address, const uint32_t *words, size_t count) {
    struct block **bucket = &buckets[(address >> 2 ^ address >> 18) % BUCKETS];
    for (struct block *block = *bucket; block != NULL; block = block->next)
        if (block->address == address && block->count == count && !memcmp(block->words, words, count * sizeof *words))
            return block;
    struct block *block = zeroed(1, sizeof *block);
    block->address = address, block->count = count, block->next = *bucket, block->id = ++block_count;
    block->words = memcpy(allocated(NULL, count, sizeof *words), words, count * sizeof *words);
    *bucket = block;
    if (block_count > block_room)
        blocks = allocated(blocks, block_room = block_room ? 2 * block_room : 4096, sizeof *blocks);
    blocks[block_count - 1] = block;
    fprintf(out, "block %u %llx ", block->id, (unsigned long long)address);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%08x", words[i]);
    fputc('\n', out);
    return block;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    size_t count = qemu_plugin_tb_n_insns(tb);
    uint32_t words[count];
    (void)id;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *b = qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i));
        words[i] = b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
    }
    struct block *block = block_of(qemu_plugin_tb_vaddr(tb), words, count);
    qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &block->now.times, 1);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, entered, QEMU_PLUGIN_CB_NO_REGS, block);
    for (size_t i = 0; processors && i < count; i++)
        qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(tb, i), accessed, QEMU_PLUGIN_CB_NO_REGS,
                                         QEMU_PLUGIN_MEM_RW, block);
}

static void print(uint64_t number) { fprintf(out, " %llu", (unsigned long long)number); }

static void look(qemu_plugin_id_t id);

static void called(qemu_plugin_id_t id, unsigned int vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                   uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
    (void)vcpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number != SYS_IOCTL || (uint32_t)a1 != MARK)
        return;
    fputs("mark\n", out);
    for (size_t i = 0; i < block_count; i++) {
        struct sums *now = &blocks[i]->now, *marked = &blocks[i]->marked;
        if (now->times == marked->times)
            continue;
        fprintf(out, "ran %u", blocks[i]->id);
        print(now->times - marked->times);
        print(now->turns - marked->turns);
        print(now->accesses - marked->accesses);
        for (int p = 0; p < processors; p++) {
            for (int level = 0; level < processor[p].levels; level++)
                print(now->traffic[p].fills[level] - marked->traffic[p].fills[level]);
            print(now->traffic[p].written - marked->traffic[p].written);
        }
        fputc('\n', out);
        *marked = *now;
    }
    for (size_t i = 0; i < block_count; i++)
        for (struct step *step = blocks[i]->steps; step != NULL; step = step->next) {
            if (step->times == step->marked)
                continue;
            fprintf(out, "then %u %u", blocks[i]->id, step->to->id);
            print(step->times - step->marked);
            fputc('\n', out);
            step->marked = step->times;
        }
    fputs("end\n", out);
    fflush(out); /* A program that is killed leaves what it has marked. */
    if (!looking) {
        looking = true;
        qemu_plugin_reset(id, look); /* Before the next block QEMU forgets what it has translated. */
    }
}

static void look(qemu_plugin_id_t id) {
    if (looking)
        qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
}

/* Read SIZE/WAYS[:SIZE/WAYS...]: whether that is what the text says. */
static bool caches(const char *text, struct processor *of) {
    for (char *end; of->levels < MOST_LEVELS; text = end + 1) {
        struct cache *cache = &of->level[of->levels++];
        uint64_t bytes = strtoull(text, &end, 10);
        if (*end != '/')
            return false;
        cache->ways = strtoull(end + 1, &end, 10);
        if (cache->ways == 0 || bytes % (cache->ways << LINE_BITS) || (cache->sets = bytes / (cache->ways << LINE_BITS)) == 0)
            return false;
        cache->lines = zeroed(cache->sets * cache->ways, sizeof *cache->lines);
        if (*end != ':')
            return *end == '\0';
    }
    return false;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    bool right = strcmp(info->target_name, "aarch64") == 0;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0)
            out = fopen(argv[i] + 4, "w");
        else if (strcmp(argv[i], "late=on") == 0)
            looking = false;
        else if (strncmp(argv[i], "caches=", 7) == 0 && processors < MOST_PROCESSORS)
            right &= caches(argv[i] + 7, &processor[processors++]);
        else
            right = false;
    }
    if (!right || out == NULL) {
        fprintf(stderr, "blocks: is for qemu-aarch64, with out=FILE,caches=SIZE/WAYS:SIZE/WAYS\n");
        return 1;
    }
    for (int i = 0; i < processors; i++)
        while (processor[i].level[0].sets % remainders)
            remainders /= 2;
    look(id);
    return 0;
}
