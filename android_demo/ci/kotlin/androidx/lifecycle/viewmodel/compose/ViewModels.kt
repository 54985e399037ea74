// What app-compose uses of androidx.lifecycle.viewmodel.compose, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.lifecycle.viewmodel.compose

import androidx.compose.runtime.Composable
import androidx.lifecycle.ViewModel

@Composable
fun <VM : ViewModel> viewModel(): VM = TODO()
