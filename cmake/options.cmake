# What every target of ours is compiled with. Third-party code never sees these flags.
set(WEIR_SANITIZE "" CACHE STRING "address (with undefined) | thread | empty")
option(WEIR_FUZZ "build the libFuzzer targets" OFF)

add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(weir_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Wextra-semi
  -Wno-missing-field-initializers
  -fno-omit-frame-pointer -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(weir_flags INTERFACE -Wthread-safety -Wno-missing-designated-field-initializers)
  target_link_options(weir_flags INTERFACE -fuse-ld=lld-19)
endif()
target_compile_definitions(weir_flags INTERFACE WEIR_VERSION="${PROJECT_VERSION}")

if(WEIR_SANITIZE STREQUAL "address")
  target_compile_options(weir_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(weir_flags INTERFACE -fsanitize=address,undefined)
elseif(WEIR_SANITIZE STREQUAL "thread")
  target_compile_options(weir_flags INTERFACE -fsanitize=thread)
  target_link_options(weir_flags INTERFACE -fsanitize=thread)
elseif(NOT WEIR_SANITIZE STREQUAL "")
  message(FATAL_ERROR "WEIR_SANITIZE takes address, thread or nothing")
endif()
if(WEIR_FUZZ)
  target_compile_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# How often each function and branch runs on the way of a request through gateway and door, counted by `make profile`
# (docs/internals/profile.md). The compiler lays hot code out together; what is not in the profile is compiled as ever.
# A later clang reads it too, an earlier one does not. A function of one file is known by the file's name alone there, not
# by its path, which is another for each build folder.
set(WEIR_PROFILE_NAMES "SHELL:-mllvm -static-func-full-module-prefix=false")
set(WEIR_PROFILE_FILE ${CMAKE_SOURCE_DIR}/cmake/weir.profdata)
set(WEIR_PROFILE "" CACHE STRING "measure (count) | use (lay out by what was counted) | empty")
if(WEIR_PROFILE STREQUAL "measure")
  target_compile_options(weir_flags INTERFACE -fprofile-generate=${CMAKE_BINARY_DIR}/counts ${WEIR_PROFILE_NAMES})
  target_link_options(weir_flags INTERFACE -fprofile-generate=${CMAKE_BINARY_DIR}/counts)
  target_compile_definitions(weir_flags INTERFACE WEIR_MEASURING)
elseif(WEIR_PROFILE STREQUAL "use" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang"
       AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 19)
  # Under a name of its content, so that another profile compiles everything again; from the build folder, where Ninja
  # starts the compiler, so that two checkouts share what it made.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${WEIR_PROFILE_FILE})
  file(SHA256 ${WEIR_PROFILE_FILE} weir_profile_hash)
  string(SUBSTRING ${weir_profile_hash} 0 12 weir_profile_hash)
  configure_file(${WEIR_PROFILE_FILE} ${CMAKE_BINARY_DIR}/weir-${weir_profile_hash}.profdata COPYONLY)
  # Code that has changed since is no reason for a warning: it does without. Tests and the like are no library: nothing of
  # theirs was counted, and another profile need not compile them again.
  foreach(option -fprofile-use=weir-${weir_profile_hash}.profdata ${WEIR_PROFILE_NAMES}
          -Wno-profile-instr-out-of-date -Wno-profile-instr-unprofiled -Wno-backend-plugin
          -ffunction-sections -fsplit-machine-functions)
    target_compile_options(weir_flags INTERFACE $<$<NOT:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>>:${option}>)
  endforeach()
  target_link_options(weir_flags INTERFACE -Wl,-z,keep-text-section-prefix)
elseif(NOT WEIR_PROFILE MATCHES "^(use)?$")
  message(FATAL_ERROR "WEIR_PROFILE takes measure, use or nothing")
endif()
