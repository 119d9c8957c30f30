// The resident loader: what the kernel executes in place of every program.
//
// The kernel cannot be told to execute a file that only the supervisor can
// find, with a dynamic loader that only the supervisor can find. So it executes
// this one, for real: descriptors are closed, threads end, signals are reset, a
// vfork(2) parent goes on. Then this maps the program and its interpreter as
// the kernel would have (fs/binfmt_elf.c is the model), tells them in the
// auxiliary vector where they are, and jumps.
//
// Freestanding: no C library, no relocation, no thread-local data, no stack
// protector; built by its own rule in CMakeLists.txt. It never returns and
// leaves its text, its arena and `order` mapped.

#include <asm/unistd.h>
#include <elf.h>
#include <linux/prctl.h>
#include <stddef.h>
#include <stdint.h>

#include "builder/sandbox/notify/loader/protocol.h"
#include "builder/sandbox/notify/loader/system_call_x86_64.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kProtRead = 1;
constexpr uint64_t kProtWrite = 2;
constexpr uint64_t kProtExecute = 4;
constexpr uint64_t kMapPrivate = 0x02;
constexpr uint64_t kMapFixed = 0x10;
constexpr uint64_t kMapAnonymous = 0x20;
constexpr uint64_t kMapNoReserve = 0x4000;

// Exit codes for what execve(2) would have told before the point of no return
// (the supervisor looks at all it can beforehand).
enum Failure { kNoOrder = 124, kBadInterpreter = 125, kBadProgram = 126 };

constexpr uint64_t Down(uint64_t address) { return address & ~(kPage - 1); }
constexpr uint64_t Up(uint64_t address) { return Down(address + kPage - 1); }
constexpr bool IsError(uint64_t result) { return result > -kPage; }

[[noreturn]] void Die(Failure failure) {
  while (true) SystemCall(__NR_exit_group, failure);
}

struct Image {
  uint64_t base = 0;  // what its addresses are relative to
  uint64_t entry = 0;
  uint64_t headers = 0;
  uint64_t header_count = 0;
};

LoadOrder order;
struct Headers {
  Elf64_Ehdr file;
  Elf64_Phdr program[72];
};
Headers headers;

uint64_t Protection(const Elf64_Phdr& segment) {
  return ((segment.p_flags & PF_R) != 0 ? kProtRead : 0) |
         ((segment.p_flags & PF_W) != 0 ? kProtWrite : 0) |
         ((segment.p_flags & PF_X) != 0 ? kProtExecute : 0);
}

bool ReadHeaders(int fd) {
  const auto at = reinterpret_cast<uint64_t>(&headers.file);
  if (SystemCall(__NR_pread64, static_cast<uint64_t>(fd), at,
                 sizeof(headers.file), 0) != sizeof(headers.file)) {
    return false;
  }
  const uint64_t size = headers.file.e_phnum * sizeof(Elf64_Phdr);
  if (headers.file.e_phentsize != sizeof(Elf64_Phdr) ||
      size > sizeof(headers.program)) {
    return false;
  }
  return SystemCall(__NR_pread64, static_cast<uint64_t>(fd),
                    reinterpret_cast<uint64_t>(headers.program), size,
                    headers.file.e_phoff) == static_cast<long>(size);
}

// Finds room for all segments of a position-independent file, aligned as its
// segments ask (huge pages); the rest of what was reserved is given back.
bool Reserve(uint64_t low, uint64_t high, uint64_t alignment, uint64_t& bias) {
  const uint64_t size = high - low;
  const uint64_t extra = alignment > kPage ? alignment : 0;
  const auto at = static_cast<uint64_t>(
      SystemCall(__NR_mmap, 0, size + extra, 0,
                 kMapPrivate | kMapAnonymous | kMapNoReserve, ~uint64_t{0}, 0));
  if (IsError(at)) return false;
  const uint64_t aligned = (at + alignment - 1) & ~(alignment - 1);
  if (aligned > at) SystemCall(__NR_munmap, at, aligned - at);
  const uint64_t end = at + size + extra;
  if (end > aligned + size) {
    SystemCall(__NR_munmap, aligned + size, end - (aligned + size));
  }
  bias = aligned - low;
  return true;
}

bool MapSegment(const Elf64_Phdr& segment, int fd, uint64_t bias) {
  const uint64_t begin = segment.p_vaddr + bias;
  const uint64_t file_end = begin + segment.p_filesz;
  const uint64_t end = begin + segment.p_memsz;
  const uint64_t protection = Protection(segment);
  uint64_t zero_from = Down(begin);
  if (segment.p_filesz != 0) {
    const auto mapped = static_cast<uint64_t>(
        SystemCall(__NR_mmap, Down(begin), file_end - Down(begin), protection,
                   kMapPrivate | kMapFixed, static_cast<uint64_t>(fd),
                   Down(segment.p_offset)));
    if (IsError(mapped)) return false;
    zero_from = Up(file_end);
    // To the end of the page, not of the segment: glibc's loader takes the rest
    // for its own allocations and expects zeros.
    if (end > file_end && (protection & kProtWrite) != 0) {
      Clear(reinterpret_cast<void*>(file_end), zero_from - file_end);
    }
  }
  if (Up(end) <= zero_from) return true;
  return !IsError(static_cast<uint64_t>(
      SystemCall(__NR_mmap, zero_from, Up(end) - zero_from, protection,
                 kMapPrivate | kMapFixed | kMapAnonymous, ~uint64_t{0}, 0)));
}

// Maps the file and closes it.
bool Load(int fd, Image& image) {
  if (!ReadHeaders(fd)) return false;
  uint64_t low = ~uint64_t{0};
  uint64_t high = 0;
  uint64_t alignment = kPage;
  for (int i = 0; i < headers.file.e_phnum; ++i) {
    const Elf64_Phdr& segment = headers.program[i];
    if (segment.p_type != PT_LOAD) continue;
    if (segment.p_vaddr < low) low = segment.p_vaddr;
    if (segment.p_vaddr + segment.p_memsz > high) {
      high = segment.p_vaddr + segment.p_memsz;
    }
    if (segment.p_align > alignment) alignment = segment.p_align;
  }
  if (high == 0) return false;
  low = Down(low);
  high = Up(high);
  uint64_t bias = 0;
  if (headers.file.e_type == ET_DYN && !Reserve(low, high, alignment, bias)) {
    return false;
  }
  for (int i = 0; i < headers.file.e_phnum; ++i) {
    const Elf64_Phdr& segment = headers.program[i];
    if (segment.p_type != PT_LOAD) continue;
    if (!MapSegment(segment, fd, bias)) return false;
    const uint64_t offset = headers.file.e_phoff;
    if (offset >= segment.p_offset &&
        offset < segment.p_offset + segment.p_filesz) {
      image.headers = offset - segment.p_offset + segment.p_vaddr + bias;
    }
  }
  SystemCall(__NR_close, static_cast<uint64_t>(fd));
  image.base = bias;
  image.entry = headers.file.e_entry + bias;
  image.header_count = headers.file.e_phnum;
  return true;
}

void Describe(Elf64_auxv_t* vector, const Image& program,
              const Image& interpreter) {
  for (; vector->a_type != AT_NULL; ++vector) {
    uint64_t& value = vector->a_un.a_val;
    switch (vector->a_type) {
      case AT_PHDR:
        value = program.headers;
        break;
      case AT_PHENT:
        value = sizeof(Elf64_Phdr);
        break;
      case AT_PHNUM:
        value = program.header_count;
        break;
      case AT_BASE:
        value = interpreter.base;
        break;
      case AT_ENTRY:
        value = program.entry;
        break;
      case AT_EXECFN:
        value = reinterpret_cast<uint64_t>(order.text);
        break;
      case AT_UID:
        value = order.uid;
        break;
      case AT_EUID:
        value = order.euid;
        break;
      case AT_GID:
        value = order.gid;
        break;
      case AT_EGID:
        value = order.egid;
        break;
      case AT_SECURE:
        value = order.secure;
        break;
      default:
        break;
    }
  }
}

// Moves argc, argv, the environment and the auxiliary vector down the stack to
// make room for what a script's interpreter gets before argv[1]. Returns the
// new stack pointer.
uint64_t* InsertScriptArguments(uint64_t* stack, uint64_t* vector_end) {
  const uint64_t argc = stack[0];
  const uint64_t count = order.script_arguments;
  const uint64_t replaced = argc == 0 ? 0 : 1;
  const uint64_t added = count - replaced;
  uint64_t* moved = stack - ((added + 1) & ~uint64_t{1});
  moved[0] = argc + added;
  const char* text = order.text;
  for (uint64_t i = 0; i < count; ++i) {
    while (*text != '\0') ++text;
    ++text;
    moved[1 + i] = reinterpret_cast<uint64_t>(text);
  }
  uint64_t* rest = stack + 1 + replaced;
  CopyForward(moved + 1 + count, rest,
              reinterpret_cast<uint64_t>(vector_end) -
                  reinterpret_cast<uint64_t>(rest));
  return moved;
}

}  // namespace

// What the entry code jumps with.
struct Jump {
  uint64_t* stack;
  uint64_t entry;
};

extern "C" __attribute__((used)) void LoaderMain(uint64_t* stack, Jump* jump) {
  // Before the question: a tracer needs it for the answer.
  if (IsError(static_cast<uint64_t>(SystemCall(
          __NR_mmap, kArenaAddress, kArenaSize, kProtRead | kProtWrite,
          kMapPrivate | kMapFixed | kMapAnonymous, ~uint64_t{0}, 0)))) {
    Die(kNoOrder);
  }
  if (SystemCall(__NR_prctl, kLoaderRequest, reinterpret_cast<uint64_t>(&order),
                 0, 0, 0) != 0) {
    Die(kNoOrder);
  }
  CopyForward(reinterpret_cast<void*>(kArenaAddress), order.loader_path,
              sizeof(order.loader_path));
  Image program;
  Image interpreter;
  if (!Load(order.executable, program)) Die(kBadProgram);
  uint64_t entry = program.entry;
  if (order.interpreter >= 0) {
    if (!Load(order.interpreter, interpreter)) Die(kBadInterpreter);
    entry = interpreter.entry;
  }
  uint64_t* words = stack + 1 + stack[0] + 1;  // the environment
  while (*words != 0) ++words;
  auto* vector = reinterpret_cast<Elf64_auxv_t*>(words + 1);
  Describe(vector, program, interpreter);
  while (vector->a_type != AT_NULL) ++vector;
  SystemCall(__NR_prctl, PR_SET_NAME,
             reinterpret_cast<uint64_t>(order.short_name), 0, 0, 0);
  if (order.script_arguments != 0) {
    stack =
        InsertScriptArguments(stack, reinterpret_cast<uint64_t*>(vector + 1));
  }
  jump->stack = stack;
  jump->entry = entry;
}

// A program starts with the stack as the kernel laid it out, rdx (a function to
// call at exit) and rbp zero.
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  sub $8192, %rsp\n"
    "  mov %rsp, %rsi\n"
    "  mov %rsp, %rbx\n"
    "  call LoaderMain\n"
    "  mov 8(%rbx), %rax\n"
    "  mov 0(%rbx), %rsp\n"
    "  xor %edx, %edx\n"
    "  xor %ebx, %ebx\n"
    "  xor %ebp, %ebp\n"
    "  jmp *%rax\n");

}  // namespace strake::builder::sandbox::notify
