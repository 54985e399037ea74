/* A QEMU plugin: how many A64 instructions a program executes, by kind, between marks.
 *
 *     qemu-aarch64 -plugin counter.so,out=FILE PROGRAM
 *
 * A mark is the system call ioctl on the file descriptor MARK, which no program has open: Python's
 * os.isatty(MARK) makes it, and without this plugin it is only refused. At each mark a line is
 * written to FILE: what has been executed since the start, a number for each of the KINDS.
 *
 * Instructions are classified once, when QEMU translates a block. A block is counted when it is
 * entered; it has one entry and one exit, and a system call ends it, so that the counts at a mark
 * are exact. They are those of all threads, and are for programs of which one thread runs at a time.
 */

#include <stdio.h>
#include <string.h>

#include "qemu_plugin.h"

EXPORT int qemu_plugin_version = 1;

enum kind { MULTIPLY_ADD, DOT_PRODUCT, LOAD_STORE, OTHER, KINDS };

static uint64_t executed[KINDS];
static FILE *out;

static uint32_t bits(uint32_t word, int high, int low) {
    return (word >> low) & ((1u << (high - low + 1)) - 1);
}

/* The vector instructions on three registers of which one accumulates.
 *
 * Section and table names are those of the Arm Architecture Reference Manual (DDI 0487), chapter C4.1,
 * "Data Processing -- Scalar Floating-Point and Advanced SIMD". */
static enum kind simd(uint32_t word) {
    uint32_t top = bits(word, 28, 24), u = bits(word, 29, 29), size = bits(word, 23, 22);
    bool scalar = bits(word, 28, 28);

    if (bits(word, 31, 31))
        return OTHER; /* SHA-3, SM3, SM4 */
    if (top == 0x1f && bits(word, 30, 29) == 0)
        return MULTIPLY_ADD; /* Floating-point data-processing (3 source): fmadd fmsub fnmadd fnmsub */
    if (scalar && !bits(word, 30, 30))
        return OTHER; /* The other scalar floating-point tables */

    if ((top & 0xf) == 0xe && bits(word, 21, 21) && bits(word, 10, 10) && !scalar) { /* three same */
        uint32_t opcode = bits(word, 15, 11);
        if (opcode == 0x12) /* mla mls */
            return MULTIPLY_ADD;
        if (opcode == 0x19) /* fmla fmls; with U fmlal2 fmlsl2 */
            return MULTIPLY_ADD;
        if (opcode == 0x1d && !u) /* fmlal fmlsl */
            return MULTIPLY_ADD;
        return OTHER;
    }
    if ((top & 0xf) == 0xe && bits(word, 22, 21) == 2 && bits(word, 15, 14) == 0 && bits(word, 10, 10) && !scalar)
        /* three same (FP16): fmla fmls */
        return !u && bits(word, 13, 11) == 1 ? MULTIPLY_ADD : OTHER;
    if ((top & 0xf) == 0xe && !bits(word, 21, 21) && bits(word, 15, 15) && bits(word, 10, 10)) {
        /* three same extra */
        uint32_t opcode = bits(word, 14, 11);
        if (u && opcode <= 1) /* sqrdmlah sqrdmlsh */
            return MULTIPLY_ADD;
        if (scalar)
            return OTHER;
        if (opcode == 2 || (opcode == 3 && !u)) /* sdot udot; usdot */
            return DOT_PRODUCT;
        if (opcode == 4 || (opcode == 5 && !u)) /* smmla ummla; usmmla */
            return DOT_PRODUCT;
        if (u && size == 1 && (opcode == 0xd || opcode == 0xf)) /* bfmmla; bfdot */
            return DOT_PRODUCT;
        if (u && size == 3 && opcode == 0xf) /* bfmlalb bfmlalt */
            return MULTIPLY_ADD;
        if (u && bits(word, 14, 13) == 2) /* fcmla */
            return MULTIPLY_ADD;
        return OTHER;
    }
    if ((top & 0xf) == 0xe && bits(word, 21, 21) && bits(word, 11, 10) == 0) { /* three different */
        uint32_t opcode = bits(word, 15, 12);
        if ((opcode == 0x8 || opcode == 0xa) && !scalar) /* smlal umlal; smlsl umlsl */
            return MULTIPLY_ADD;
        return (opcode == 0x9 || opcode == 0xb) && !u ? MULTIPLY_ADD : OTHER; /* sqdmlal sqdmlsl */
    }
    if ((top & 0xf) == 0xf && !bits(word, 10, 10)) { /* vector or scalar x indexed element */
        uint32_t opcode = bits(word, 15, 12);
        if (u) {
            if (opcode == 0xd || opcode == 0xf) /* sqrdmlah sqrdmlsh */
                return MULTIPLY_ADD;
            if (scalar)
                return OTHER;
            if (opcode == 0xe) /* udot */
                return DOT_PRODUCT;
            if (opcode == 0x8 || opcode == 0xc) /* fmlal2 fmlsl2 */
                return size == 2 ? MULTIPLY_ADD : OTHER;
            return opcode <= 7 ? MULTIPLY_ADD : OTHER; /* mla umlal mls umlsl; fcmla */
        }
        if (opcode == 0x1 || opcode == 0x5) /* fmla fmls */
            return MULTIPLY_ADD;
        if (opcode == 0x3 || opcode == 0x7) /* sqdmlal sqdmlsl */
            return MULTIPLY_ADD;
        if (scalar)
            return OTHER;
        if (opcode == 0x2 || opcode == 0x6) /* smlal smlsl */
            return MULTIPLY_ADD;
        if (opcode == 0x0 || opcode == 0x4) /* fmlal fmlsl */
            return size == 2 ? MULTIPLY_ADD : OTHER;
        if (opcode == 0xe) /* sdot */
            return DOT_PRODUCT;
        if (opcode == 0xf) /* sudot bfdot usdot; bfmlalb bfmlalt */
            return size == 3 ? MULTIPLY_ADD : DOT_PRODUCT;
    }
    return OTHER;
}

/* Of one instruction: bits 28 to 25 give its group (chapter C4.1). */
static enum kind classify(uint32_t word) {
    uint32_t group = bits(word, 28, 25);
    if ((group & 5) == 4)
        return LOAD_STORE; /* Loads and Stores, whole: prefetches and atomics too */
    return (group & 7) == 7 ? simd(word) : OTHER;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    uint64_t found[KINDS] = {0};
    size_t count = qemu_plugin_tb_n_insns(tb);
    (void)id;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *b = qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i));
        found[classify(b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24)]++;
    }
    for (int kind = 0; kind < KINDS; kind++)
        if (found[kind])
            qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &executed[kind], found[kind]);
}

static void called(qemu_plugin_id_t id, unsigned int vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                   uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
    (void)id, (void)vcpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number != SYS_IOCTL || (uint32_t)a1 != MARK)
        return;
    for (int kind = 0; kind < KINDS; kind++)
        fprintf(out, "%llu%c", (unsigned long long)executed[kind], kind == KINDS - 1 ? '\n' : ' ');
    fflush(out); /* A program that is killed leaves what it has marked. */
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    if (strcmp(info->target_name, "aarch64") != 0 || argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
        fprintf(stderr, "counter: is for qemu-aarch64, with out=FILE\n");
        return 1;
    }
    out = fopen(argv[0] + 4, "w");
    if (out == NULL) {
        perror(argv[0] + 4);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
