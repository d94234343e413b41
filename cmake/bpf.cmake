# shoal_bpf_skeleton(NAME FILE): compiles FILE for the kernel and generates NAME.skel.h.
find_program(BPFTOOL bpftool REQUIRED PATHS /usr/sbin)
find_program(BPF_CLANG clang-19 REQUIRED)

function(shoal_bpf_skeleton name file)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
  # The target has no libc of its own: asm/types.h comes from the host's multiarch folder.
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${BPF_CLANG} -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror
            -I${PROJECT_SOURCE_DIR}/bpf -isystem /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -MD -MF ${object}.d -c ${CMAKE_CURRENT_SOURCE_DIR}/${file} -o ${object}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file}
    DEPFILE ${object}.d
    COMMENT "BPF ${file}" VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${name} > ${skeleton}
    DEPENDS ${object} VERBATIM)
  add_custom_target(${name}_skeleton_file DEPENDS ${skeleton})
  add_library(${name}_skeleton INTERFACE)
  add_dependencies(${name}_skeleton ${name}_skeleton_file)
  target_include_directories(${name}_skeleton SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${name}_skeleton INTERFACE PkgConfig::LIBBPF)
endfunction()
