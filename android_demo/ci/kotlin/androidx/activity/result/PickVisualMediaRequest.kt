// What app-compose uses of androidx.activity.result, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER", "ktlint:standard:function-naming")

package androidx.activity.result

import androidx.activity.result.contract.ActivityResultContracts

class PickVisualMediaRequest internal constructor()

fun PickVisualMediaRequest(mediaType: ActivityResultContracts.PickVisualMedia.VisualMediaType): PickVisualMediaRequest = TODO()
