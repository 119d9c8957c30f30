# Installs what was built and builds examples/embed against it, as a user would.
#   cmake -D BUILD=... -D SOURCE=... -D WORK=... -D COMPILER=... -P run.cmake
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    string(REPLACE ";" " " command "${ARGV}")
    message(FATAL_ERROR "${command}: ${status}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
foreach(file bin/strake include/strake/builder/build.h
        share/bash-completion/completions/strake
        share/zsh/site-functions/_strake
        share/fish/vendor_completions.d/strake.fish
        share/doc/strake/LICENSE)
  if(NOT EXISTS ${WORK}/prefix/${file})
    message(FATAL_ERROR "not installed: ${file}")
  endif()
endforeach()
run(${CMAKE_COMMAND} -G Ninja -S ${SOURCE}/examples/embed -B ${WORK}/embed
  -D CMAKE_PREFIX_PATH=${WORK}/prefix -D CMAKE_CXX_COMPILER=${COMPILER})
run(${CMAKE_COMMAND} --build ${WORK}/embed)

file(WRITE ${WORK}/context/Dockerfile
  "FROM scratch\nCOPY Dockerfile /\nLABEL made=here\n")
run(${WORK}/embed/embed ${WORK}/context ${WORK}/store example.test/embedded:1)
run(${CMAKE_COMMAND} -E env STRAKE_HOME=${WORK}/store
  ${WORK}/prefix/bin/strake inspect --verify example.test/embedded:1)
# A store may hold files of other owners, which only their maker can remove.
file(REMOVE_RECURSE ${WORK})
