# The HR example: its generator is part of the program, so that `rowgate init --example hr` needs no files.
add_library(rowgate_hr_example STATIC ${CMAKE_CURRENT_SOURCE_DIR}/examples/hr/hr_example.cc)
target_include_directories(rowgate_hr_example PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/examples)
target_link_libraries(rowgate_hr_example PUBLIC fmt::fmt)
