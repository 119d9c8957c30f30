# How every room (top-level folder) is built: one static library, include paths
# from the repository root, the same warnings and sanitizers everywhere.

add_library(strake_flags INTERFACE)
target_compile_options(strake_flags INTERFACE -Wall -Wextra -Wpedantic
  # GCC 12 warns of overlaps and uninitialised members within the standard
  # library's own inlined code (GCC bugs 105651 and 105562).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict -Wno-maybe-uninitialized>)
if(STRAKE_SANITIZE)
  target_compile_options(strake_flags INTERFACE
    -fsanitize=${STRAKE_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(strake_flags INTERFACE -fsanitize=${STRAKE_SANITIZE})
endif()

# strake_room(oci SOURCES a.cc b.cc PUBLIC util PRIVATE LibArchive::LibArchive)
function(strake_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(strake_${name} STATIC ${ROOM_SOURCES})
  add_library(strake::${name} ALIAS strake_${name})
  set_target_properties(strake_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(strake_${name} PUBLIC cxx_std_20)
  target_include_directories(strake_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/strake>)
  target_link_libraries(strake_${name}
    PUBLIC ${ROOM_PUBLIC}
    PRIVATE $<BUILD_INTERFACE:strake_flags> ${ROOM_PRIVATE})
endfunction()

# strake_test(oci SOURCES a_test.cc LIBS strake::oci): one program a room, every
# TEST in it a ctest test.
function(strake_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBS" ${ARGN})
  add_executable(${name}_test ${T_SOURCES})
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${name}_test PRIVATE
    STRAKE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    STRAKE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${name}_test PRIVATE
    strake_flags ${T_LIBS} GTest::gmock GTest::gtest_main)
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${T_TIMEOUT})
endfunction()
