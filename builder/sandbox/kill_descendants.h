// Ending a process tree that no namespace holds together.

#ifndef STRAKE_BUILDER_SANDBOX_KILL_DESCENDANTS_H_
#define STRAKE_BUILDER_SANDBOX_KILL_DESCENDANTS_H_

namespace strake::builder::sandbox {

// Kills and reaps every descendant of the calling process, which has to be a
// subreaper (PR_SET_CHILD_SUBREAPER): what detaches itself stays below it.
// Stops them all before it kills any, so that a tree which forks without end
// cannot outrun it. Finds them in /proc; where that is not mounted,
// nothing is killed.
// For the child of a fork (`child.h`): makes system calls only.
void KillDescendants();

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_KILL_DESCENDANTS_H_
