// What app-compose uses of androidx.compose.material3 that only Android has, declared for the compiler: it is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.compose.material3

import android.content.Context

fun dynamicLightColorScheme(context: Context): ColorScheme = TODO()

fun dynamicDarkColorScheme(context: Context): ColorScheme = TODO()
