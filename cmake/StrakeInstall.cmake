# `cmake --install` and `find_package(strake)`: the program with its completion
# scripts, the static library of each room, and the headers that
# `builder/build.h` and its neighbours need.
include(CMakePackageConfigHelpers)

# Appends to `out` the header `file` and all that it includes of our own.
function(strake_header_closure file out)
  set(headers ${${out}})
  if(file IN_LIST headers)
    return()
  endif()
  list(APPEND headers ${file})
  set(path ${PROJECT_SOURCE_DIR}/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  file(STRINGS ${path} lines REGEX "^#include \"")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^#include \"(.*)\".*" "\\1" included ${line})
    strake_header_closure(${included} headers)
  endforeach()
  set(${out} ${headers} PARENT_SCOPE)
endfunction()

set(STRAKE_API_HEADERS)
# The headers of tasks/ are not installed yet.
foreach(header build.h build_targets.h cache_spec.h check.h containers.h fsck.h
               prune.h store_usage.h run.h images.h output.h progress.h)
  strake_header_closure(builder/${header} STRAKE_API_HEADERS)
endforeach()
foreach(header IN LISTS STRAKE_API_HEADERS)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${PROJECT_SOURCE_DIR}/${header}
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/strake/${folder})
endforeach()

install(
  TARGETS strake_util strake_oci strake_dockerfile strake_registry
          strake_builder strake_tasks
  EXPORT strakeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT strakeTargets NAMESPACE strake::
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/strake)
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/strake-config.cmake.in
  ${PROJECT_BINARY_DIR}/strake-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/strake)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/strake-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(
  FILES ${PROJECT_BINARY_DIR}/strake-config.cmake
        ${PROJECT_BINARY_DIR}/strake-config-version.cmake
        ${PROJECT_SOURCE_DIR}/cmake/FindSOCI.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/strake)

# The program writes its own completion scripts.
set(STRAKE_COMPLETIONS)
foreach(shell bash zsh fish)
  set(script ${PROJECT_BINARY_DIR}/completions/strake.${shell})
  add_custom_command(OUTPUT ${script}
    COMMAND ${CMAKE_COMMAND} -E make_directory
            ${PROJECT_BINARY_DIR}/completions
    COMMAND $<TARGET_FILE:strake> completion ${shell} > ${script}
    DEPENDS strake
    COMMENT "Writing the completion script for ${shell}"
    VERBATIM)
  list(APPEND STRAKE_COMPLETIONS ${script})
endforeach()
add_custom_target(strake_completions ALL DEPENDS ${STRAKE_COMPLETIONS})

install(TARGETS strake RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${PROJECT_BINARY_DIR}/completions/strake.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME strake)
install(FILES ${PROJECT_BINARY_DIR}/completions/strake.zsh
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions
  RENAME _strake)
install(FILES ${PROJECT_BINARY_DIR}/completions/strake.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(
  FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
