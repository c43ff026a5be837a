import Glibc
import ProductionRun

// A core file would hold PINs and wrapped keys' plain forms that passed through the module.
var none = rlimit(rlim_cur: 0, rlim_max: 0)
setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)

// The run starts this program again for each worker; that is no command for people.
if CommandLine.arguments.count == 2, CommandLine.arguments[1] == Worker.argument {
    exit(Worker.serve())
}
signal(SIGPIPE, SIG_IGN)
Rootline.start()
