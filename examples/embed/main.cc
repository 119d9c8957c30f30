// Builds the folder given as an image: embed FOLDER STORE NAME
#include <iostream>

#include "builder/build.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  strake::builder::PrepareProcess();  // before any thread is started
  strake::builder::BuildOptions options;
  options.context.path = argv[1];
  options.store_directory = argv[2];
  options.tags = {argv[3]};
  auto result = strake::builder::Build(options);
  if (result) std::cout << result->config->ToString() << "\n";
  if (!result) std::cerr << result.error().message() << "\n";
  return result ? 0 : 1;
}
