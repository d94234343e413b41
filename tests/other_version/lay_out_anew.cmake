# cmake -DFROM=abi.h -DTO=abi.h -P lay_out_anew.cmake
#
# The abi.h of a version that comes after this one: the records of the table of connections are
# longer, and their members and those of the settings lie elsewhere.
file(READ ${FROM} text)

function(change from to)
  string(FIND "${text}" "${from}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "${FROM} has no \"${from}\"")
  endif()
  string(REPLACE "${from}" "${to}" text "${text}")
  set(text "${text}" PARENT_SCOPE)
endfunction()

string(REGEX MATCH "#define SHOAL_ABI_VERSION ([0-9]+)" define "${text}")
math(EXPR version "${CMAKE_MATCH_1} + 1")
change("${define}" "#define SHOAL_ABI_VERSION ${version}")

# A cell's word stays in the same place in both, and addresses at a multiple of eight.
change("    __u32 service; /* index into service_table */\n" "")
change("    __u32 server;  /* index into server_table */\n" "")
change("struct shoal_connection {\n"
       "struct shoal_connection {\n    __u64 further[2];\n    __u32 server;\n    __u32 service;\n")
change("struct shoal_addresses {\n" "struct shoal_addresses {\n    __u64 further[3];\n")
change("sizeof(struct shoal_connection) == 64, \"one cache line\""
       "sizeof(struct shoal_connection) == 128, \"two cache lines\"")
change("sizeof(struct shoal_addresses) == 64, \"one cache line\""
       "sizeof(struct shoal_addresses) == 128, \"two cache lines\"")
change("struct shoal_settings {\n" "struct shoal_settings {\n    __u32 further[3];\n    __u32 draining;\n")
change("    __u32 draining;\n    __u32 common_version;" "    __u32 common_version;")

# What it counts that this one does not know.
change("please report it\")" "please report it\") V(of_the_other_version, \"of the other version\")")

file(WRITE ${TO} "${text}")
