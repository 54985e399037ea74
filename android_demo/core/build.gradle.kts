plugins {
    `java-library`
}

java {
    sourceCompatibility = JavaVersion.toVersion(libs.versions.java.get())
    targetCompatibility = JavaVersion.toVersion(libs.versions.java.get())
}

tasks.withType<JavaCompile>().configureEach {
    options.encoding = "UTF-8"
    // Otherwise the classes of the JDK are compiled against, and what Android 8 lacks of them is called.
    options.release.set(JavaVersion.toVersion(libs.versions.java.get()).majorVersion.toInt())
}

dependencies {
    api(libs.minimal.json)
    testImplementation(libs.junit)
}
