#pragma once
// Helpers and kfuncs that mean more to the engine than their row in helpers.def says.

#include <cstdint>

namespace weir::vm {

constexpr int64_t kMapUpdate = 2, kMapDelete = 3, kTailCall = 12, kSkRelease = 86, kMapPush = 87,
                  kMapPop = 88, kSpinLock = 93, kSpinUnlock = 94, kRingbufDiscard = 133,
                  kForEachMapElem = 164, kTimerInit = 169, kDynptrFromMem = 197,
                  kRingbufReserveDynptr = 198, kRingbufSubmitDynptr = 199,
                  kRingbufDiscardDynptr = 200;

/// Numbers of kfuncs.def.
constexpr int64_t kDynptrSlice = 5, kIterNumDestroy = 9, kCtRelease = 11, kDynptrClone = 17;

}  // namespace weir::vm
