// What app-compose uses of androidx.compose.runtime, declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.compose.runtime

import kotlinx.coroutines.flow.StateFlow
import kotlin.reflect.KProperty

@Target(AnnotationTarget.FUNCTION, AnnotationTarget.TYPE)
annotation class Composable

interface State<out T> {
    val value: T
}

interface MutableState<T> : State<T> {
    override var value: T
}

interface DisposableEffectResult

class DisposableEffectScope private constructor() {
    fun onDispose(onDisposeEffect: () -> Unit): DisposableEffectResult = TODO()
}

fun <T> mutableStateOf(value: T): MutableState<T> = TODO()

operator fun <T> State<T>.getValue(
    thisObj: Any?,
    property: KProperty<*>,
): T = TODO()

operator fun <T> MutableState<T>.setValue(
    thisObj: Any?,
    property: KProperty<*>,
    value: T,
): Unit = TODO()

@Composable
fun <T> remember(calculation: () -> T): T = TODO()

@Composable
fun <T> StateFlow<T>.collectAsState(): State<T> = TODO()

@Composable
fun DisposableEffect(
    key1: Any?,
    effect: DisposableEffectScope.() -> DisposableEffectResult,
): Unit = TODO()
