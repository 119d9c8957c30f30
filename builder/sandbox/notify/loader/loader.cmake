# The resident loader: a program of its own, without a C library, whose file is
# embedded in the library as an array of bytes.
#
# Its address is `kLoaderAddress` of protocol.h. No sanitizer, no protector, no
# vector registers (a program's first instruction expects them untouched).
set(loader_dir ${CMAKE_CURRENT_LIST_DIR})
set(loader_elf ${CMAKE_CURRENT_BINARY_DIR}/strake_loader)
set(loader_image ${CMAKE_CURRENT_BINARY_DIR}/loader_image.cc)
add_custom_command(
  OUTPUT ${loader_elf}
  COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -O2 -Wall -Wextra -Wpedantic
    -I${PROJECT_SOURCE_DIR} -ffreestanding -fno-builtin -fno-exceptions
    -fno-rtti -fno-stack-protector -fcf-protection=none
    -fno-asynchronous-unwind-tables -mgeneral-regs-only -fpie -c
    -o ${loader_elf}.o ${loader_dir}/loader.cc
  COMMAND ${CMAKE_CXX_COMPILER} -nostdlib -static -Wl,-no-pie
    -Wl,-Ttext-segment=0x200000000000 -Wl,--build-id=none -Wl,-z,norelro
    -Wl,-z,noexecstack -Wl,-s -o ${loader_elf} ${loader_elf}.o
  DEPENDS
    ${loader_dir}/loader.cc
    ${loader_dir}/protocol.h
    ${loader_dir}/system_call_x86_64.h
  COMMENT "Building the resident loader"
  VERBATIM)
add_custom_command(
  OUTPUT ${loader_image}
  COMMAND ${CMAKE_COMMAND} -D INPUT=${loader_elf} -D OUTPUT=${loader_image}
    -P ${loader_dir}/embed.cmake
  DEPENDS ${loader_elf} ${loader_dir}/embed.cmake
  VERBATIM)
list(APPEND STRAKE_SANDBOX_SOURCES ${loader_image})
