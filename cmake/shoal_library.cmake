# shoal_library(NAME SOURCES ... LINKS ... TESTS ...)
#
# One folder, one library `shoal_NAME`. LINKS are PRIVATE: a folder that wants another one must say
# so itself. TESTS become one GoogleTest program `NAME_test`, run case by case by ctest.
function(shoal_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;TESTS;TEST_LINKS" ${ARGN})
  add_library(shoal_${name} STATIC ${ARG_SOURCES})
  target_include_directories(shoal_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(shoal_${name} PRIVATE ${ARG_LINKS})
  if(ARG_TESTS)
    add_executable(${name}_test ${ARG_TESTS})
    target_link_libraries(${name}_test PRIVATE shoal_${name} ${ARG_LINKS} ${ARG_TEST_LINKS}
                                               GTest::gmock GTest::gtest_main)
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}.")
  endif()
endfunction()
