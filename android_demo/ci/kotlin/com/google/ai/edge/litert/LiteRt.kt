// What the app uses of LiteRT's Kotlin API (2.x), declared for the compiler: the artifact is in Google's Maven alone.
@file:Suppress("unused", "UNUSED_PARAMETER")

package com.google.ai.edge.litert

import android.content.res.AssetManager

enum class Accelerator { NONE, CPU, GPU, NPU }

class LiteRtException(
    message: String,
) : Exception(message)

class TensorBuffer private constructor() : AutoCloseable {
    fun writeFloat(data: FloatArray): Unit = TODO()

    fun writeInt8(data: ByteArray): Unit = TODO()

    fun readFloat(): FloatArray = TODO()

    fun readInt8(): ByteArray = TODO()

    override fun close(): Unit = TODO()
}

class Environment private constructor()

class CompiledModel private constructor() : AutoCloseable {
    class CpuOptions(
        numThreads: Int?,
        xnnPackFlags: Int?,
        xnnPackWeightCachePath: String?,
    )

    class Options(
        vararg accelerators: Accelerator,
    ) {
        var cpuOptions: CpuOptions? = null
    }

    fun createInputBuffers(): List<TensorBuffer> = TODO()

    fun createOutputBuffers(): List<TensorBuffer> = TODO()

    fun run(
        inputs: List<TensorBuffer>,
        outputs: List<TensorBuffer>,
    ): Unit = TODO()

    override fun close(): Unit = TODO()

    companion object {
        fun create(
            assetManager: AssetManager,
            assetName: String,
            options: Options,
            optionalEnv: Environment?,
        ): CompiledModel = TODO()
    }
}
