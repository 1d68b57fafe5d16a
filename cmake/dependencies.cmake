# Libraries of others, each as one imported target. tools/setup.sh installs them; versions are Debian 12's.
find_package(Threads REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED)
set_property(TARGET Boost::headers APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION)

# libllama and its kin: tools/build_llama.sh builds them and tells the prefix.
set(WEIR_LLAMA_PREFIX "" CACHE PATH "what tools/build_llama.sh printed")
if(WEIR_LLAMA_PREFIX)
  add_library(llama_cpp INTERFACE)
  target_include_directories(llama_cpp SYSTEM INTERFACE
    ${WEIR_LLAMA_PREFIX}/include ${WEIR_LLAMA_PREFIX}/ggml/include ${WEIR_LLAMA_PREFIX}/common
    ${WEIR_LLAMA_PREFIX}/vendor ${WEIR_LLAMA_PREFIX}/tools/mtmd)
  file(GLOB_RECURSE weir_ggml_archives ${WEIR_LLAMA_PREFIX}/build/ggml/src/*.a)
  target_link_libraries(llama_cpp INTERFACE
    -Wl,--start-group
    ${WEIR_LLAMA_PREFIX}/build/common/libllama-common.a
    ${WEIR_LLAMA_PREFIX}/build/common/libllama-common-base.a
    ${WEIR_LLAMA_PREFIX}/build/src/libllama.a
    ${weir_ggml_archives}
    -Wl,--end-group Threads::Threads ${CMAKE_DL_LIBS})
endif()
