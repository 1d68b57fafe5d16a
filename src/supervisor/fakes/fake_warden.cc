// The warden of servers_test.
#include "supervisor/warden.h"

int main(int argc, char** argv) { return weir::RunWarden({argv + 1, argv + argc}); }
